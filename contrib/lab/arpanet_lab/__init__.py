"""Several real hosts on one machine: ``arpanet lab up --hosts 3``."""

__version__ = "1.0.0.dev0"
