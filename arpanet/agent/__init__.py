"""What runs inside a node container: the loop, and what it leaves for ``status``."""

from arpanet.agent import statusfile

__all__ = ["statusfile"]
