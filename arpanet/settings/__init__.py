"""Declared settings: where a value comes from, what it may be, and what changed.

A consumer declares a :class:`Setting` beside the code that reads it and reads it with
``settings[SETTING]``. An option on the command line wins over ``~/.arpanetrc``, which wins over the
environment (as sourcing it would), which wins over the default.
"""

import ipaddress
import logging
import os
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from arpanet.errors import SettingsError
from arpanet.host import addresses
from arpanet.settings import rcfile

if TYPE_CHECKING:
    from arpanet.events import Bus

__all__ = ["CORE", "Setting", "Settings", "Source", "declared", "load", "rc_path"]

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One variable.

    :ivar parse: text -> value; raises ``ValueError`` with "must be ..." when it makes no sense.
    :ivar default: the text that stands in when it is not set, or a function of the other settings
        that finds it (called on first use, since finding it may fail).
    :ivar help: one sentence for ``arpanet config`` and the documentation.
    """

    name: str
    parse: Callable[[str], T]
    default: "str | Callable[[Settings], str]"
    help: str


@dataclass(frozen=True)
class Source:
    """A text and its origin: ``option``, ``~/.arpanetrc:3``, ``environment`` or ``default``."""

    text: str
    origin: str


class Settings(Mapping[Setting[Any], Any]):
    """The declared settings and their values; immutable; equal when all explicit texts are."""

    def __init__(self, declared: Iterable[Setting[Any]], given: Mapping[str, Source]) -> None:
        self._declared: dict[str, Setting[Any]] = {}
        for setting in declared:
            if self._declared.setdefault(setting.name, setting) is not setting:
                raise SettingsError(f"setting {setting.name} is declared by two plugins")
        self._given = {name: given[name] for name in self._declared if name in given}
        self._values: dict[Setting[Any], Any] = {}

    def __getitem__(self, setting: Setting[T]) -> T:
        if setting not in self._values:
            source = self.source(setting)
            try:
                self._values[setting] = setting.parse(source.text)
            except ValueError as problem:
                where = f"{source.origin}: " if source.origin != "default" else ""
                raise SettingsError(
                    f"{where}{setting.name}={source.text!r} {problem}", "change or remove it"
                ) from problem
        return cast(T, self._values[setting])

    def __iter__(self) -> Any:
        return iter(self._declared.values())

    def __len__(self) -> int:
        return len(self._declared)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self.explicit() == other.explicit()

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.explicit().items())))

    def source(self, setting: Setting[Any]) -> Source:
        """Return the text of *setting* and where it came from."""
        if given := self._given.get(setting.name):
            return given
        default = setting.default
        return Source(default(self) if callable(default) else default, "default")

    def validate(self) -> None:
        """Parse everything that was given; defaults are looked at when they are used.

        :raises SettingsError: the first that makes no sense.
        """
        for name in self._given:
            self[self._declared[name]]

    def explicit(self) -> dict[str, str]:
        """Return name -> text of all that was given rather than defaulted."""
        return {name: source.text for name, source in self._given.items()}

    def environment(self) -> dict[str, str]:
        """Return what a node container's environment must hold to see these very values.

        Defaults that are found on this host (its address, its name) are spelled out, since a
        container would find others.
        """
        found = {s.name: self.source(s).text for s in self if callable(s.default)}
        return {name: text for name, text in {**found, **self.explicit()}.items() if text}

    def changes(self, other: "Settings") -> list[str]:
        """Return the names whose given text differs in *other*, sorted."""
        mine, theirs = self.explicit(), other.explicit()
        return sorted(n for n in mine.keys() | theirs.keys() if mine.get(n) != theirs.get(n))


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


# -- what a value may be -------------------------------------------------------------------------


def text(value: str) -> str:
    """Anything."""
    return value


def host_name(value: str) -> str:
    """A host's name: it becomes part of registry keys and instance ids."""
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})", value):
        raise ValueError("must be a host name: letters, digits, dots and hyphens")
    return value


def container_name(value: str) -> str:
    """A name that Docker accepts for a container."""
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", value):
        raise ValueError("must be a container name: letters, digits, '_', '.', '-'")
    return value


def port(value: str) -> int:
    """A TCP port."""
    if not (value.isascii() and value.isdigit() and 0 < int(value) < 65536):
        raise ValueError("must be a port: a number from 1 to 65535")
    return int(value)


def address(value: str) -> str:
    """An IP address, in its shortest form."""
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("must be an IP address") from None


def names(value: str) -> tuple[str, ...]:
    """A comma-delimited list."""
    return tuple(part for part in (one.strip() for one in value.split(",")) if part)


def masters(value: str) -> tuple[str, ...]:
    """A comma-delimited list of master addresses or names, each maybe with a client port."""
    found = names(value)
    for one in found:
        if not re.fullmatch(r"(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?", one):
            raise ValueError(f"must be a comma-delimited list of addresses; '{one}' is none")
    return found


def choice(*allowed: str) -> Callable[[str], str]:
    """One of a few words."""

    def parse(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return value

    return parse


# -- the core's own ------------------------------------------------------------------------------

HOSTNAME = Setting(
    "HOSTNAME",
    host_name,
    lambda _: socket.gethostname(),
    "This host's name, unique on the arpanet.",
)
ARPANET_IP = Setting(
    "ARPANET_IP",
    address,
    lambda _: addresses.default_address(),
    "The address other hosts reach this one at; by default that of the default route's interface.",
)
ARPANET_MASTERS = Setting(
    "ARPANET_MASTERS",
    masters,
    lambda settings: settings[ARPANET_IP],
    "Comma-delimited list of masters, two or more of them; the rest is found by asking these.",
)
ARPANET_REGISTRY = Setting(
    "ARPANET_REGISTRY", text, "etcd://", "Which registry plugin keeps the instances."
)
ARPANET_IMAGE = Setting(
    "ARPANET_IMAGE",
    text,
    "",
    "Node image to pull; by default one is packed from this installation.",
)
ARPANET_LOG = Setting("ARPANET_LOG", choice("text", "json"), "text", "How agents write their log.")
DOCKER_URL = Setting(
    "DOCKER_URL",
    text,
    "https://get.docker.com",
    "The script that installs Docker where it is missing.",
)
DOCKER_PORT = Setting(
    "DOCKER_PORT", port, "2375", "The TCP port that 'install core --docker-tcp' binds Docker to."
)

CORE: tuple[Setting[Any], ...] = (
    HOSTNAME,
    ARPANET_IP,
    ARPANET_MASTERS,
    ARPANET_REGISTRY,
    ARPANET_IMAGE,
    ARPANET_LOG,
    DOCKER_URL,
    DOCKER_PORT,
)
