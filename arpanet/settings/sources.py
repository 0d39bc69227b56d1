"""Where values come from: an option, ``~/.arpanetrc``, the environment, a default; in that order.

The file wins over the environment, as sourcing it would.
"""

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arpanet.settings import rcfile
from arpanet.settings.core import CORE
from arpanet.settings.declared import Setting, Settings, Source

if TYPE_CHECKING:
    from arpanet.events import Bus

__all__ = ["declared", "load", "rc_path"]

log = logging.getLogger(__name__)


def declared(bus: "Bus") -> list[Setting[Any]]:
    """Return the core's settings and those of the plugins, the first of a name."""
    found: dict[str, Setting[Any]] = {setting.name: setting for setting in CORE}
    for plugin, settings in bus.collect("arpanet_settings"):
        for setting in settings:
            if found.setdefault(setting.name, setting) is not setting:
                log.error("plugin %s: setting %s is another's already", plugin, setting.name)
    return list(found.values())


def rc_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where ``~/.arpanetrc`` is."""
    home = environment.get("HOME")
    return (Path(home) if home else Path.home()) / ".arpanetrc"


def load(
    declared: Iterable[Setting[Any]],
    options: Mapping[str, str] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """Read the environment and ``~/.arpanetrc``, and let *options* win over both.

    :raises SettingsError: a value, or the file, makes no sense. An empty value counts as not set.
    """
    path = rc_path(environment)
    given = {name: Source(text, "environment") for name, text in environment.items()}
    for name, assignment in rcfile.read(path, environment).items():
        given[name] = Source(assignment.value, f"~/{path.name}:{assignment.line}")
    given.update({name: Source(text, "option") for name, text in (options or {}).items()})
    settings = Settings(declared, {name: one for name, one in given.items() if one.text})
    settings.validate()
    return settings
