"""Records as keys, and back; their values are :mod:`arpanet.codec`'s. Pure.

Below ``ETCD_PATH``:

    /services/<name>/<instance id>   ``ip:port``, as registrator writes it: for confd, Traefik, curl
    /instances/<instance id>         the whole record, as JSON
    /hosts/<hostname>                the host's record, as JSON
    /leaders/<name>                  who leads under a name; gone when it does no more
    /notes/<name>                    what leaders under a name keep

Names and ids are percent-encoded where they hold what a path can't; common ones stay as they are.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

from arpanet import Instance, codec

__all__ = ["Key", "Layout", "instance_of_leaf"]

#: A leading underscore would hide a key in v2; "." and ".." are resolved there.
UNSAFE = re.compile(r"^[_.]|[^A-Za-z0-9!$&'()*+,;=:@~._-]")
#: registrator's pattern for its own ids.
ID = re.compile(r"(.+?):[a-zA-Z0-9][a-zA-Z0-9_.-]+:[0-9]+(:udp)?")


class Key(NamedTuple):
    """What a key speaks of.

    :ivar kind: ``services``, ``instances`` or ``hosts``.
    :ivar id: of the instance, or the host's name.
    :ivar service: the service's name, for ``services`` only.
    """

    kind: str
    id: str
    service: str = ""


class Layout:
    """The keys below one path.

    :param path: ``ETCD_PATH``: begins with a slash and does not end with one.
    """

    def __init__(self, path: str) -> None:
        self.root = f"{path}/"

    def host(self, name: str) -> str:
        """Return the key of a host's record."""
        return f"{self.root}hosts/{_escape(name)}"

    def record(self, instance_id: str) -> str:
        """Return the key of an instance's record."""
        return f"{self.root}instances/{_escape(instance_id)}"

    def leader(self, name: str) -> str:
        """Return the key that who leads under *name* holds."""
        return f"{self.root}leaders/{_escape(name)}"

    def note(self, name: str) -> str:
        """Return the key of what leaders under *name* keep."""
        return f"{self.root}notes/{_escape(name)}"

    def entries(self, instance: Instance) -> dict[str, str]:
        """Return all keys and values of *instance*, its record first."""
        found = {self.record(instance.id): codec.encode(instance)}
        # confd and friends dial what they read there: only what every host reaches
        for name in filter(None, instance.services if instance.address else ()):
            found[f"{self.root}services/{_escape(name)}/{_escape(instance.id)}"] = instance.address
        return found

    def parse(self, key: str) -> Key | None:
        """Return what *key* speaks of, ``None`` when it is not one of these."""
        if not key.startswith(self.root):
            return None
        kind, *parts = map(unquote, key[len(self.root) :].split("/"))
        if not all(parts):
            return None
        if kind == "services" and len(parts) == 2:
            return Key(kind, parts[1], parts[0])
        if kind in ("instances", "hosts") and len(parts) == 1:
            return Key(kind, parts[0])
        return None


def _escape(text: str) -> str:
    return UNSAFE.sub(lambda found: "".join(f"%{b:02X}" for b in found[0].encode()), text)


def instance_of_leaf(instance_id: str, services: tuple[str, ...], address: str) -> Instance:
    """Return the least that an ``ip:port`` tells, written by hand or by registrator.

    :raises ValueError: *address* is no address.
    """
    ip, port = codec.decode_address(address)
    known = ID.fullmatch(instance_id)
    return Instance(
        id=instance_id,
        services=services,
        host=known[1] if known else "",
        ip=ip,
        port=port,
        protocol="udp" if known and known[2] else "tcp",
    )
