"""What the registrator is told: registrator's own options, as settings."""

from dataclasses import dataclass
from typing import Any

from arpanet import Setting, Settings, kinds
from arpanet_registrator.naming import split

__all__ = ["ARPANET_DEREGISTER", "NAME", "ON_SUCCESS", "REGISTRATOR_NAME", "SETTINGS", "Options"]

#: Of the agent, of its container's part and of what it leaves for ``arpanet status``.
NAME = "registrator"
ON_SUCCESS = "on-success"


def tags(value: str) -> tuple[str, ...]:
    """Tags, comma-delimited. registrator's last commit takes a Go template here."""
    if "{{" in value:
        raise ValueError("must be tags, comma-delimited: Go templates are not understood")
    return split(value)


REGISTRATOR_NAME = Setting(
    "REGISTRATOR_NAME",
    kinds.container_name,
    "arpanet_registrator",
    "The name of the registrator's container.",
)
ARPANET_EXPLICIT = Setting(
    "ARPANET_EXPLICIT",
    kinds.switch,
    "no",
    "Whether only ports that SERVICE_NAME or SERVICE_<port>_NAME names become services.",
)
ARPANET_INTERNAL = Setting(
    "ARPANET_INTERNAL",
    kinds.switch,
    "no",
    "Whether exposed ports are registered at the container's own address, published or not.",
)
ARPANET_IP_LABEL = Setting(
    "ARPANET_IP_LABEL",
    kinds.text,
    "",
    "The label that holds the address to register a container at; what follows a '/' is cut off.",
)
ARPANET_TAGS = Setting(
    "ARPANET_TAGS", tags, "", "Tags of every instance on this host, comma-delimited."
)
ARPANET_DEREGISTER = Setting(
    "ARPANET_DEREGISTER",
    kinds.choice("always", ON_SUCCESS),
    "always",
    "When a container that ended is withdrawn: always, or on-success; one that failed then stays.",
)

SETTINGS: tuple[Setting[Any], ...] = (
    REGISTRATOR_NAME,
    ARPANET_EXPLICIT,
    ARPANET_INTERNAL,
    ARPANET_IP_LABEL,
    ARPANET_TAGS,
    ARPANET_DEREGISTER,
)


@dataclass(frozen=True)
class Options:
    """What decides, beside its containers, what a host registers; see the settings of these names.

    :ivar host: its HOSTNAME.
    :ivar ip: its ARPANET_IP.
    """

    host: str
    ip: str
    explicit: bool = False
    internal: bool = False
    ip_label: str = ""
    tags: tuple[str, ...] = ()

    @classmethod
    def of(cls, host: str, ip: str, settings: Settings) -> "Options":
        """Return what *settings* say."""
        return cls(
            host,
            ip,
            settings[ARPANET_EXPLICIT],
            settings[ARPANET_INTERNAL],
            settings[ARPANET_IP_LABEL],
            settings[ARPANET_TAGS],
        )
