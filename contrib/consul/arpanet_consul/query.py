"""What a link asks Consul for, and what Consul's answer means. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

__all__ = ["KIND", "Addresses", "Query", "addresses", "parse"]

#: What a value begins with.
KIND = "consul:"

Addresses = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Query:
    """A service, its tags and its datacenter (``""``: that of the agent that is asked)."""

    service: str
    tags: tuple[str, ...] = ()
    datacenter: str = ""

    def path(self, index: int, wait: int) -> str:
        """Return path and query: an answer at once, or once the index is greater than *index*.

        :param wait: seconds after which there is an answer in any case.
        """
        given = [("passing", "true"), *(("tag", tag) for tag in self.tags)]
        if self.datacenter:
            given.append(("dc", self.datacenter))
        if index:
            given += [("index", str(index)), ("wait", f"{wait}s")]
        return f"/v1/health/service/{quote(self.service, safe='')}?{urlencode(given)}"


def parse(spec: str) -> Query:
    """Return what ``consul:<service>[?tag=<tag>&dc=<datacenter>]`` asks for.

    :raises ValueError: with one sentence for the person who wrote it.
    """
    service, _, text = spec.removeprefix(KIND).partition("?")
    try:
        given = parse_qsl(text, keep_blank_values=True, strict_parsing=True) if text else []
    except ValueError:
        given = [("", "")]
    wrong = {name for name, value in given if name not in ("tag", "dc") or not value}
    if wrong or not service or "/" in service:
        raise ValueError(f"'{spec}' must read consul:<service>?tag=<tag>&dc=<datacenter>")
    datacenters = [value for name, value in given if name == "dc"]
    if len(datacenters) > 1:
        raise ValueError(f"'{spec}' names more than one datacenter")
    tags = tuple(value for name, value in given if name == "tag")
    return Query(service, tags, "".join(datacenters))


def addresses(answer: Any) -> Addresses:
    """Return where the instances in an answer of ``/v1/health/service`` are, sorted.

    An instance without an address of its own is at its node's.

    :raises ValueError: it is no such answer.
    """
    if not isinstance(answer, Sequence) or isinstance(answer, str):
        raise ValueError("is no list")
    try:
        return tuple(sorted({_address(one["Node"], one["Service"]) for one in answer}))
    except (KeyError, TypeError) as problem:
        raise ValueError(f"lacks {problem}") from problem


def _address(node: Mapping[str, Any], service: Mapping[str, Any]) -> tuple[str, int]:
    return str(service.get("Address") or node["Address"]), int(service["Port"])
