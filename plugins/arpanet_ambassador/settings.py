"""What the ambassador is told, and what it is called."""

from typing import Any

from arpanet import Setting, kinds
from arpanet_ambassador.links.waiting import time_to_wait

__all__ = [
    "AMBASSADOR_NAME",
    "ARPANET_CONNECT_WAIT",
    "ARPANET_PLANE",
    "NAME",
    "PROXY",
    "SETTINGS",
]

#: The part's name of the ambassador, also that of its agent and of its status file.
NAME = "ambassador"

AMBASSADOR_NAME = Setting(
    "AMBASSADOR_NAME",
    kinds.container_name,
    "arpanet_backends",
    "The name of the container that clients write after --link.",
)
#: Best first, after the word for all of them.
PLANES = ("auto", "socket", "nftables", "proxy")
PROXY = PLANES[-1]
#: What planes were once called.
_FORMER = {"kernel": "nftables"}


def _plane(text: str) -> str:
    return kinds.choice(*PLANES)(_FORMER.get(text, text))


ARPANET_PLANE = Setting(
    "ARPANET_PLANE",
    _plane,
    PLANES[0],
    "What carries links: programs at connect() (socket), rules in the client's namespace "
    "(nftables), the ambassador itself (proxy), or for each link the first of these that can "
    "(auto).",
)

ARPANET_CONNECT_WAIT = Setting(
    "ARPANET_CONNECT_WAIT",
    time_to_wait,
    "0s",
    "How long a dial of a service without any instance waits for the first one, where the client "
    "has no label connect.wait.",
)

SETTINGS: tuple[Setting[Any], ...] = (AMBASSADOR_NAME, ARPANET_PLANE, ARPANET_CONNECT_WAIT)
