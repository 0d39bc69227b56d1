"""What runs inside a node container: the supervisor, the loop, what it leaves for ``status``."""

from arpanet.agent import statusfile

__all__ = ["statusfile"]
