"""What a value may be: functions that make a value of its text.

Each raises ``ValueError("must be ...")`` when the text makes no sense; where the text came from,
and what to do, is added by :class:`~arpanet.settings.declared.Settings`.
"""

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path

from arpanet import hostport

__all__ = [
    "address",
    "choice",
    "container_name",
    "directory",
    "host_name",
    "masters",
    "names",
    "port",
    "seconds",
    "service_name",
    "switch",
    "text",
]


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


def service_name(value: str) -> str:
    """A service's name: part of registry keys and of links, so no ``/ ? : ,`` and no blank."""
    if not re.fullmatch(r"(?=.*[^\W_])\w[\w.+@~-]*", value):
        raise ValueError(
            "must be a service's name: letters, digits and '_', then also '.', '+', '@', '~', '-'"
        )
    return value


def directory(value: str) -> Path:
    """An absolute path."""
    found = Path(value)
    if not found.is_absolute() or found == Path("/") or ":" in value:
        raise ValueError("must be an absolute path, not '/' itself, and without a colon")
    return found


def port(value: str) -> int:
    """A TCP port."""
    if not (value.isascii() and value.isdigit() and 0 < int(value) < 65536):
        raise ValueError("must be a port: a number from 1 to 65535")
    return int(value)


def seconds(least: int) -> Callable[[str], int]:
    """A whole number of seconds, *least* or more."""

    def parse(value: str) -> int:
        if not (re.fullmatch(r"[0-9]{1,6}", value) and int(value) >= least):
            raise ValueError(f"must be a whole number of seconds, {least} or more")
        return int(value)

    return parse


def switch(value: str) -> bool:
    """Yes or no."""
    if value.lower() in ("yes", "true", "on", "1"):
        return True
    if value.lower() in ("no", "false", "off", "0"):
        return False
    raise ValueError("must be yes or no")


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
        try:
            hostport.split(one)
        except ValueError:
            words = f"must be a comma-delimited list of addresses; '{one}' is none"
            raise ValueError(words) from None
    return found


def choice(*allowed: str) -> Callable[[str], str]:
    """One of a few words."""

    def parse(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return value

    return parse
