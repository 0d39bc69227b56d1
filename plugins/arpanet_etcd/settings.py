"""What this plugin is told: the settings of masters and of the registry in etcd."""

import re
from typing import Any
from urllib.parse import urlsplit

from arpanet import (
    ARPANET_MASTERS,
    ARPANET_REGISTRY,
    ARPANET_TLS,
    Setting,
    Settings,
    SettingsError,
    hostport,
    kinds,
)

__all__ = [
    "ARPANET_ETCD_API",
    "ARPANET_FOREIGN",
    "ARPANET_SNAPSHOTS",
    "ARPANET_SNAPSHOT_HOURS",
    "ETCD_IMAGE",
    "ETCD_NAME",
    "ETCD_PATH",
    "ETCD_PEERPORT",
    "ETCD_PORT",
    "SETTINGS",
    "endpoints",
    "scheme",
    "urls",
    "where",
]


def key_path(value: str) -> str:
    """An absolute path of keys, without a slash at its end or two in a row."""
    path = re.sub(r"/+", "/", value).rstrip("/")
    if not re.fullmatch(r"(?:/[A-Za-z0-9._-]+)+", path):
        raise ValueError(
            "must be a path such as /arpanet: it begins with '/' and is not '/' itself"
        )
    return path


def hours(value: str) -> float:
    """A number of hours, a fraction too; 0 for never."""
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", value):
        raise ValueError("must be a number of hours, up to 9999; 0 for never")
    return float(value)


def several(value: str) -> int:
    """How many there are of something, one at least."""
    if not re.fullmatch(r"[1-9][0-9]{0,3}", value):
        raise ValueError("must be a number from 1 to 9999")
    return int(value)


ETCD_PORT = Setting(
    "ETCD_PORT", kinds.port, "4001", "The TCP port that masters serve their clients on."
)
ETCD_PEERPORT = Setting(
    "ETCD_PEERPORT", kinds.port, "7001", "The TCP port that masters talk to each other on."
)
ETCD_PATH = Setting(
    "ETCD_PATH", key_path, "/arpanet", "The path in etcd below which arpanet keeps its state."
)
ETCD_NAME = Setting(
    "ETCD_NAME", kinds.container_name, "arpanet_etcd", "The name of the master's container."
)
ETCD_IMAGE = Setting(
    "ETCD_IMAGE", kinds.text, "quay.io/coreos/etcd:v3.6.14", "The image that masters run."
)
ARPANET_ETCD_API = Setting(
    "ARPANET_ETCD_API",
    kinds.choice("v3", "v2", "auto"),
    "v3",
    "How to talk to etcd: v3, v2 (etcd up to 3.5, started with --enable-v2), or auto.",
)
ARPANET_FOREIGN = Setting(
    "ARPANET_FOREIGN",
    kinds.choice("off", "on"),
    "off",
    "Whether what others (registrator, scripts) write below ETCD_PATH/services is used, too.",
)
ARPANET_SNAPSHOT_HOURS = Setting(
    "ARPANET_SNAPSHOT_HOURS", hours, "6", "Hours between two snapshots of the masters; 0: none."
)
ARPANET_SNAPSHOTS = Setting(
    "ARPANET_SNAPSHOTS", several, "28", "How many of its snapshots a master keeps."
)

SETTINGS: tuple[Setting[Any], ...] = (
    ETCD_PORT,
    ETCD_PEERPORT,
    ETCD_PATH,
    ETCD_NAME,
    ETCD_IMAGE,
    ARPANET_ETCD_API,
    ARPANET_FOREIGN,
    ARPANET_SNAPSHOT_HOURS,
    ARPANET_SNAPSHOTS,
)


def scheme(settings: Settings) -> str:
    """Return what masters are spoken to by: ``https``, or ``http`` with ARPANET_TLS=off."""
    return "https" if settings[ARPANET_TLS] else "http"


def urls(settings: Settings, masters: tuple[str, ...]) -> tuple[str, ...]:
    """Return the base URL of each of *masters*: ``10.0.0.1``, ``name:4001``, ``[fd00::1]:4001``."""
    begin, default = scheme(settings), settings[ETCD_PORT]
    pairs = map(hostport.split, masters)
    found = (f"{begin}://{hostport.joined(host, port or default)}" for host, port in pairs)
    return tuple(dict.fromkeys(found))


def endpoints(settings: Settings) -> tuple[str, ...]:
    """Return where the configured masters serve clients, as base URLs."""
    return urls(settings, settings[ARPANET_MASTERS])


def where(settings: Settings) -> tuple[tuple[str, ...], str] | None:
    """Return the endpoints and the path that ``ARPANET_REGISTRY`` names; ``None``: not etcd's.

    ``etcd://`` takes masters and path from the other settings; ``etcd://10.0.0.1:2379/path`` names
    them itself, each where it is given.

    :raises SettingsError: the URL makes no sense.
    """
    url = urlsplit(settings[ARPANET_REGISTRY])
    if url.scheme != "etcd":
        return None
    try:
        if url.query or url.fragment:
            raise ValueError("must be etcd://, or etcd://master,master/path")
        given = urls(settings, kinds.masters(url.netloc))
        path = key_path(url.path) if url.path.strip("/") else settings[ETCD_PATH]
    except ValueError as problem:
        origin = settings.source(ARPANET_REGISTRY).origin
        raise SettingsError(
            f"{origin}: ARPANET_REGISTRY={url.geturl()} {problem}",
            "etcd:// alone takes everything from the other settings",
        ) from problem
    return given or endpoints(settings), path
