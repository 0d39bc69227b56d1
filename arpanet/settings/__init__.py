"""Declared settings: what a value may be, where it comes from, and what changed."""

from arpanet.settings import core
from arpanet.settings.core import *  # noqa: F403  (they are listed there, and nowhere else)
from arpanet.settings.declared import Setting, Settings, Source
from arpanet.settings.sources import declared, load, mistyped, rc_path

__all__ = ["Setting", "Settings", "Source", "declared", "load", "mistyped", "rc_path"]
__all__ += core.__all__
