"""This machine: installing Docker, its addresses and sockets, the watcher of its settings."""

from arpanet.host import addresses, drained, sockets

__all__ = ["addresses", "drained", "sockets"]
