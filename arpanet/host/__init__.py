"""This machine: installing Docker, its addresses, the watcher of its settings."""

from arpanet.host import addresses

__all__ = ["addresses"]
