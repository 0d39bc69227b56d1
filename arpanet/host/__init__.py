"""This machine: installing Docker, its addresses and sockets, the watcher of its settings."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, ["addresses", "drained", "sockets"])
