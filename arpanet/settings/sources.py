"""Where values come from: an option, ``~/.arpanetrc``, the environment, a default; in that order.

The file wins over the environment, as sourcing it would.
"""

import difflib
import functools
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arpanet.settings import rcfile
from arpanet.settings.core import CORE
from arpanet.settings.declared import Setting, Settings, Source

if TYPE_CHECKING:
    from arpanet.events import Bus

__all__ = ["declared", "load", "mistyped", "rc_path"]

log = logging.getLogger(__name__)

#: What our names begin with, and nobody else's do.
OURS = "ARPANET_"
#: How much alike two names are before one is taken for the other, mistyped: of our own prefix, and
#: of any other. DOCKER_HOST and DOCKER_PORT are two names (0.82).
ALIKE_OURS, ALIKE = 0.8, 0.9


def declared(bus: "Bus") -> list[Setting[Any]]:
    """Return the core's settings and those of the plugins, the first of a name."""
    found: dict[str, Setting[Any]] = {setting.name: setting for setting in CORE}
    for plugin, settings in bus.collect("arpanet_settings"):
        for setting in settings:
            if found.setdefault(setting.name, setting) is not setting:
                log.error("plugin %s: setting %s is another's already", plugin, setting.name)
    return list(found.values())


def rc_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where ``~/.arpanetrc`` is; in the root directory for a user without a home."""
    try:
        home = Path(environment.get("HOME") or Path.home())
    except RuntimeError:  # no HOME, and no entry in /etc/passwd
        home = Path("/")
    return home / ".arpanetrc"


def load(
    declared: Iterable[Setting[Any]],
    options: Mapping[str, str] | None = None,
    environment: Mapping[str, str] = os.environ,
    partly: bool = False,
) -> Settings:
    """Read the environment and ``~/.arpanetrc``, and let *options* win over both.

    A name that is probably a declared one, mistyped, is told once in the life of a process.

    :param partly: there are more than *declared*, which the plugins say: no name is mistyped yet.
    :raises SettingsError: a value, or the file, makes no sense. An empty value counts as not set.
    """
    declared = list(declared)
    path = rc_path(environment)
    given = {name: Source(text, "environment") for name, text in environment.items()}
    for name, assignment in rcfile.read(path, environment).items():
        given[name] = Source(assignment.value, f"~/{path.name}:{assignment.line}")
    given.update({name: Source(text, "option") for name, text in (options or {}).items()})
    for line in [] if partly else mistyped(given, [setting.name for setting in declared]):
        _warn_once(line)
    settings = Settings(declared, {name: one for name, one in given.items() if one.text})
    settings.validate()
    return settings


def mistyped(given: Mapping[str, Source], known: Iterable[str]) -> Iterator[str]:
    """Yield a line about each name that is none of *known* and was probably meant to be one.

    In the file every name with our prefix is one that we should know; the environment may hold one
    for ``bootstrap.sh``, or of a plugin that is not installed here.
    """
    known = list(known)
    for name in sorted(given.keys() - set(known)):
        from_file = given[name].origin.startswith("~")
        ours = name.startswith(OURS)
        if ours or from_file:
            near = difflib.get_close_matches(name, known, 1, ALIKE_OURS if ours else ALIKE)
            if near:
                yield f"{given[name].origin}: {name} is no setting; did you mean {near[0]}?"
            elif ours and from_file:
                yield f"{given[name].origin}: {name} is no setting; 'arpanet config' lists them"


@functools.cache
def _warn_once(line: str) -> None:
    log.warning("%s", line)
