"""Auto-linking for Docker containers across hosts.

This is the one door for plugin authors: all that a plugin needs is imported from here, and what
lies behind it may change. ``__init__.pyi`` lists the names and where each lives; a name is loaded
when it is first used, so that ``import arpanet`` costs next to nothing.
"""

import lazy_loader
import pluggy

__version__ = "1.0.0.dev0"

#: Marks a function as an implementation of one of the hooks in :mod:`arpanet.hookspecs`.
hookimpl = pluggy.HookimplMarker("arpanet")
#: Marks a function as a hook that a plugin adds: an event of its own, which others may hear.
hookspec = pluggy.HookspecMarker("arpanet")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__", "hookimpl", "hookspec"]
