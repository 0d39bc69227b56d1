"""What this plugin is told."""

import re
from typing import Any

from arpanet import Setting, kinds

__all__ = ["ARPANET_CERT_DAYS", "ARPANET_ENROL_PORT", "MASTER_NAME", "PART", "SETTINGS"]


def days(value: str) -> float:
    """A number of days, a fraction too."""
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,9})?", value) or not 0 < float(value) <= 3650:
        raise ValueError("must be a number of days, up to 3650")
    return float(value)


ARPANET_ENROL_PORT = Setting(
    "ARPANET_ENROL_PORT", kinds.port, "7002", "The TCP port that masters let new hosts in on."
)
ARPANET_CERT_DAYS = Setting(
    "ARPANET_CERT_DAYS", days, "365", "Days that a host's certificate holds; renewed by itself."
)
#: The part's name of the container, of its agent and of its status file.
PART = "master"
MASTER_NAME = Setting(
    "MASTER_NAME", kinds.container_name, "arpanet_master", "The name of what lets hosts in."
)

SETTINGS: tuple[Setting[Any], ...] = (ARPANET_ENROL_PORT, ARPANET_CERT_DAYS, MASTER_NAME)
