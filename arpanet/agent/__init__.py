"""What runs inside a node container: the supervisor, the loop, what it leaves for ``status``."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, ["statusfile"])
