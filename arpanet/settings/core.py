"""The core's own settings; a plugin declares its own beside its code."""

import socket
from pathlib import Path
from typing import Any

from arpanet.host import addresses
from arpanet.registry import TTL
from arpanet.settings import kinds
from arpanet.settings.declared import Setting
from arpanet.workers import PATIENCE

__all__ = [
    "ARPANET_IDENTITY",
    "ARPANET_IMAGE",
    "ARPANET_IP",
    "ARPANET_LOG",
    "ARPANET_MASTERS",
    "ARPANET_PLUGINS_BLOCKED",
    "ARPANET_PLUGINS_TIMEOUT",
    "ARPANET_REGISTRY",
    "ARPANET_RESYNC",
    "ARPANET_TLS",
    "ARPANET_TRACE",
    "ARPANET_TTL",
    "CORE",
    "DOCKER_PORT",
    "DOCKER_URL",
    "HOSTNAME",
]

HOSTNAME = Setting(
    "HOSTNAME",
    kinds.host_name,
    lambda _: socket.gethostname(),
    "This host's name, unique on the arpanet.",
)
ARPANET_IP = Setting(
    "ARPANET_IP",
    kinds.address,
    lambda _: addresses.default_address(),
    "The address other hosts reach this one at; by default that of the default route's interface.",
)
ARPANET_MASTERS = Setting(
    "ARPANET_MASTERS",
    kinds.masters,
    lambda settings: settings[ARPANET_IP],
    "Comma-delimited list of masters, two or more of them; the rest is found by asking these.",
)
ARPANET_REGISTRY = Setting(
    "ARPANET_REGISTRY", kinds.text, "etcd://", "Which registry plugin keeps the instances."
)
ARPANET_TTL = Setting(
    "ARPANET_TTL",
    kinds.seconds(5),
    str(TTL),
    "Seconds that the entries of a host that fell silent stay in the registry.",
)
ARPANET_RESYNC = Setting(
    "ARPANET_RESYNC",
    kinds.seconds(1),
    "30",
    "Seconds between two full looks at Docker, which find what no event told of.",
)
ARPANET_IMAGE = Setting(
    "ARPANET_IMAGE",
    kinds.text,
    "",
    "Node image to pull; by default one is packed from this installation.",
)
ARPANET_LOG = Setting(
    "ARPANET_LOG", kinds.choice("text", "json"), "text", "How agents write their log."
)
ARPANET_PLUGINS_BLOCKED = Setting(
    "ARPANET_PLUGINS_BLOCKED",
    kinds.names,
    "",
    "Plugins that are not even imported: a comma-delimited list of names.",
)
ARPANET_PLUGINS_TIMEOUT = Setting(
    "ARPANET_PLUGINS_TIMEOUT",
    kinds.seconds(1),
    str(PATIENCE),
    "Seconds that a command waits for each event's hook of a third party's plugin.",
)
ARPANET_TRACE = Setting(
    "ARPANET_TRACE",
    kinds.choice("off", "hooks"),
    "off",
    "What agents log beside changes: each call of a hook (hooks), or nothing more (off).",
)
ARPANET_TLS = Setting(
    "ARPANET_TLS",
    kinds.switch,
    "on",
    "Whether hosts speak TLS and know each other by certificates; else anybody is let in.",
)
ARPANET_IDENTITY = Setting(
    "ARPANET_IDENTITY",
    kinds.directory,
    lambda _: str(Path.home() / ".arpanet"),
    "The directory of this host's certificate and key.",
)
DOCKER_URL = Setting(
    "DOCKER_URL",
    kinds.text,
    "https://get.docker.com",
    "The script that installs Docker where it is missing.",
)
DOCKER_PORT = Setting(
    "DOCKER_PORT",
    kinds.port,
    lambda settings: "2376" if settings[ARPANET_TLS] else "2375",
    "The TCP port that 'install core --docker-tcp' binds Docker to.",
)

#: All of them, in the order of their declarations.
CORE: tuple[Setting[Any], ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Setting)
)
