"""What Docker's list of containers says of each: enough to see that one needs no closer look. Pure.

A list costs one answer for all, an inspection one for each. All that an inspection would say anew
is in the list, too, but for a new process of a container that ended and was started again in
between: that shows in how long it has been up.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Glance", "glance"]

#: Docker's words for how long (docker/go-units, ``HumanDuration``), in seconds.
_UNITS = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 7 * 86400,
    "month": 30 * 86400,
    "year": 365 * 86400,
}
_UP = re.compile(
    r"^Up (?:(\d+)|About an?|(Less than a)) (second|minute|hour|day|week|month|year)s?"
)


@dataclass(frozen=True)
class Glance:
    """A container in the list.

    :ivar row: all that is said of it, without for how long.
    :ivar up: seconds, as coarse as Docker tells; -1: it doesn't.
    """

    name: str
    row: str
    up: int

    def goes_on(self, before: "Glance | None") -> bool:
        """Whether it is as it was *before*, and the same run of it."""
        return before is not None and before.row == self.row and 0 <= before.up <= self.up


def glance(row: Mapping[str, Any]) -> Glance:
    """Return what a row of ``GET /containers/json`` tells."""
    # a link makes another name of it: /client/alias
    name = min(row.get("Names") or [""], key=lambda one: one.count("/")).lstrip("/")
    status = str(row.get("Status", ""))
    found = _UP.match(status)
    up = -1
    if found:
        up = 0 if found[2] else int(found[1] or 1) * _UNITS[found[3]]
    # ports and mounts come in any order
    rest = {k: sorted(v, key=json.dumps) if isinstance(v, list) else v for k, v in row.items()}
    rest["Status"] = _UP.sub("", status)
    return Glance(name, json.dumps(rest, sort_keys=True), up)
