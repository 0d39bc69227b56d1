"""What a container declares about its services: ``SERVICE_*`` in its environment and labels.

The rules are registrator's (github.com/gliderlabs/registrator, ``bridge/util.go``): labels beat
the environment, ``SERVICE_<port>_X`` beats ``SERVICE_X``, an empty value counts as not set, and
whatever is not a name, an id, tags or an order to ignore is an attribute.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from arpanet import Container

__all__ = ["Declared", "clean_id", "clean_name", "declared", "default_name", "named_ports", "split"]

PREFIX = "SERVICE_"
_CONSUMED = ("id", "ignore", "name", "tags")
#: People write these and mean the opposite of what registrator has always done with them.
_NEGATIONS = ("0", "false", "no", "off")


@dataclass(frozen=True)
class Declared:
    """What a container says about one of its ports.

    :ivar names: usable as registry keys; empty when the container names nothing.
    :ivar for_port: the names were given for this very port, so they are used word for word.
    :ivar id: instead of ``host:container:port``, or ``""``.
    :ivar attrs: all other ``SERVICE_*`` values, keys in lower case.
    """

    names: tuple[str, ...] = ()
    for_port: bool = False
    id: str = ""
    tags: tuple[str, ...] = ()
    attrs: Mapping[str, str] = field(default_factory=dict)
    ignored: bool = False
    warnings: tuple[str, ...] = ()


def declared(container: Container, number: int) -> Declared:
    """Return what *container* declares for its port *number*, of either protocol."""
    general, specific = _collect(container, number)
    # an empty value for one port hides the general one: that is how a port is not ignored
    values = {key: value for key, value in {**general, **specific}.items() if value}
    warnings = []
    ignored = values.get("ignore", "")
    if ignored.lower() in _NEGATIONS:
        warnings.append(f"SERVICE_IGNORE={ignored} ignores it as any value does: remove it instead")
    raw_names = split(values.get("name", ""))
    names = tuple(dict.fromkeys(filter(None, map(clean_name, raw_names))))
    warnings += [
        f"the service name {raw!r} cannot be a key, {clean_name(raw) or 'the default'!r} is used"
        for raw in raw_names
        if clean_name(raw) != raw
    ]
    raw_id = values.get("id", "")
    if clean_id(raw_id) != raw_id:
        used = clean_id(raw_id) or "the default"
        warnings.append(f"SERVICE_ID={raw_id} cannot be a key, {used!r} is used")
    return Declared(
        names=names,
        for_port=bool(names and specific.get("name")),
        id=clean_id(raw_id),
        tags=split(values.get("tags", "")),
        attrs={key: values[key] for key in sorted(values) if key not in _CONSUMED},
        ignored=bool(ignored),
        warnings=tuple(warnings),
    )


def named_ports(container: Container) -> frozenset[int]:
    """Return the ports that *container* names with ``SERVICE_<port>_NAME``."""
    keys = [*container.env, *container.labels]
    found = (re.fullmatch(r"SERVICE_([1-9][0-9]{0,4})_NAME", key, re.IGNORECASE) for key in keys)
    ports = {int(match[1]) for match in found if match and match.string.startswith(PREFIX)}
    return frozenset(port for port in ports if port < 65536 and declared(container, port).for_port)


def default_name(container: Container) -> str:
    """Return the service name of a container that gives none: its image's last part.

    ``registry:5000/ns/redis:7@sha256:…`` is ``redis``. An image known by its id alone has no name
    to lend (registrator calls them all ``sha256``): its containers go by their own.
    """
    image = container.image
    if image.startswith("sha256:"):
        return clean_name(container.name)
    last = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return clean_name(last) or clean_name(container.name)


def split(text: str) -> tuple[str, ...]:
    r"""Split at commas but not at ``\,``; blanks around a part and empty parts are dropped.

    Keeps the author's order, which registrator reverses.
    """
    parts = (part.replace(r"\,", ",").strip() for part in re.split(r"(?<!\\),", text))
    return tuple(part for part in parts if part)


def clean_name(text: str) -> str:
    """Return *text* as a service name, which is part of a key and of a link: no ``/ ? : ,``.

    ``""`` when nothing would be left of it.
    """
    name = re.sub(r"[^\w.+@~-]+", "-", text.strip())
    return re.sub(r"^\W+", "", name) if re.search(r"[^\W_]", name) else ""


def clean_id(text: str) -> str:
    """Return *text* as the last part of a key."""
    return re.sub(r"[^\w.:+@~-]+", "-", text.strip())


def _collect(container: Container, number: int) -> tuple[dict[str, str], dict[str, str]]:
    general: dict[str, str] = {}
    specific: dict[str, str] = {}
    for source in (container.env, container.labels):
        for key, value in source.items():
            if not key.startswith(PREFIX):
                continue
            rest = key[len(PREFIX) :].lower()
            port, underscore, name = rest.partition("_")
            if not (underscore and _is_integer(port)):
                general[rest] = value
            elif name and port == str(number):
                specific[name] = value
    return general, specific


def _is_integer(text: str) -> bool:
    """Whether registrator takes *text* for a port: Go's ``Atoi``, signs and all, in 64 bits."""
    digits = re.fullmatch(r"[+-]?0*([0-9]{0,19})", text)
    return bool(digits and re.search(r"[0-9]", text) and abs(int(digits[1] or "0")) < 2**63)
