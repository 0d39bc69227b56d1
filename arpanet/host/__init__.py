"""This machine: installing Docker, its addresses, what was drained, the watcher of its settings."""

from arpanet.host import addresses, drained

__all__ = ["addresses", "drained"]
