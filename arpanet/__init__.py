"""Auto-linking for Docker containers across hosts.

A plugin author imports :data:`hookimpl` from here, the vocabulary from :mod:`arpanet.records` and
the errors from :mod:`arpanet.errors`.
"""

import pluggy

__all__ = ["__version__", "hookimpl"]

__version__ = "1.0.0.dev0"

#: Marks a function as an implementation of one of the hooks in :mod:`arpanet.hookspecs`.
hookimpl = pluggy.HookimplMarker("arpanet")
