"""Records as keys, and back; their values are :mod:`arpanet.codec`'s. Pure.

Below ``ETCD_PATH``:

    /closed/<name>                       what masters alone see
    /hosts/<hostname>                    the host's record, as JSON
    /instances/<hostname>/<instance id>  the whole record, as JSON: the only truth
    /instances/<instance id>             the same, as former versions wrote it; read, never written
    /services/<name>/<instance id>       ``ip:port``, as registrator writes it, for others to read
    /identity/public/<name>              what masters keep, and every host reads
    /leaders/<name>                      who leads under a name; gone when it does no more
    /notes/<name>                        what leaders under a name keep
    /told/<hostname>/<about>             what the host tells others about something
    /told/<hostname>/agent%2F<agent>     what an agent of the host is missed by

Names and ids are percent-encoded where they hold what a path can't; common ones stay as they are.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from arpanet import Instance, codec

__all__ = ["Key", "Layout", "instance_of_leaf"]

#: A leading underscore would hide a key in v2; "." and ".." are resolved there.
UNSAFE = re.compile(r"^[_.]|[^A-Za-z0-9!$&'()*+,;=:@~._-]")
#: What the names in the vault that every host reads begin with.
PUBLIC = "public/"
#: What hosts tell begins with this where it is an agent's sign of life.
AGENT = "agent/"
#: registrator's pattern for its own ids.
ID = re.compile(r"(.+?):[a-zA-Z0-9][a-zA-Z0-9_.-]+:[0-9]+(:udp)?")


class Key(NamedTuple):
    """What a key speaks of.

    :ivar kind: ``services``, ``instances``, ``hosts``, ``admitted`` or ``reserved``.
    :ivar id: of the instance, or the host's name; the name that is reserved.
    :ivar service: the service's name, for ``services`` only.
    :ivar host: whose instance it is, for ``instances``; ``""``: a former version wrote the key.
    """

    kind: str
    id: str
    service: str = ""
    host: str = ""


class Layout:
    """The keys below one path.

    :param path: ``ETCD_PATH``: begins with a slash and does not end with one.
    :param foreign: whether what others wrote to ``/services`` is read, too.
    :param leaves: whether a host writes there itself: where hosts are let in, masters do it.
    """

    def __init__(self, path: str, foreign: bool = False, leaves: bool = True) -> None:
        self.root, self.leaves = f"{path}/", leaves
        #: the first key that is read, and the first one after all that are
        self.span = (f"{self.root}hosts/", f"{self.root}{'services' if foreign else 'instances'}0")
        #: the same for all that any host may read. What masters alone see lies before it: etcd up
        #: to 3.6.13 lets who may read a key watch all that follow
        self.readable = (f"{self.root}hosts/", f"{self.root}told0")
        #: the same for the vault, for masters: hosts' records lie in between
        self.vault = (f"{self.root}closed/", f"{self.root}identity0")

    def host(self, name: str) -> str:
        """Return the key of a host's record."""
        return f"{self.root}hosts/{_escape(name)}"

    def record(self, host: str, instance_id: str) -> str:
        """Return the key of an instance's record."""
        return f"{self.root}instances/{_escape(host)}/{_escape(instance_id)}"

    def former(self, instance_id: str) -> str:
        """Return the key that former versions kept an instance's record under."""
        return f"{self.root}instances/{_escape(instance_id)}"

    def leader(self, name: str) -> str:
        """Return the key that who leads under *name* holds."""
        return f"{self.root}leaders/{_escape(name)}"

    def note(self, name: str) -> str:
        """Return the key of what leaders under *name* keep."""
        return f"{self.root}notes/{_escape(name)}"

    def kept(self, name: str) -> str:
        """Return the key of *name* in the cluster's vault."""
        room = "identity" if name.startswith(PUBLIC) else "closed"
        return f"{self.root}{room}/{'/'.join(map(_escape, name.split('/')))}"

    def kept_below(self, prefix: str) -> tuple[str, ...]:
        """Return what the keys of the vault's names that begin with *prefix* begin with."""
        begin = self.kept(prefix)
        if PUBLIC.startswith(prefix) and prefix != PUBLIC:
            return (f"{self.root}identity/{prefix}", begin)
        return (begin,)

    def is_kept(self, key: str) -> bool:
        """Whether *key* is of the vault."""
        return key[len(self.root) :].partition("/")[0] in ("closed", "identity")

    def kept_name(self, key: str) -> str:
        """Return the name whose key is *key*; the reverse of :meth:`kept`."""
        return unquote(key[len(self.root) :].partition("/")[2])

    def told(self, host: str, about: str = "") -> str:
        """Return the key of what *host* tells *about* something; what all such keys begin with."""
        return f"{self.root}told/{_escape(host)}/{_escape(about) if about else ''}"

    def tellers(self, found: Mapping[str, str], about: str) -> dict[str, str]:
        """Return host -> what it tells *about* something, of keys that begin as :meth:`told`'s."""
        parts = {tuple(key.removeprefix(self.root).split("/")): text for key, text in found.items()}
        return {
            unquote(key[1]): text
            for key, text in parts.items()
            if len(key) == 3 and key[0] == "told" and unquote(key[2]) == about
        }

    def pulse(self, host: str, agent: str) -> str:
        """Return the key by which *agent* of *host* is missed: it is told like all else."""
        return self.told(host, f"{AGENT}{agent}")

    def pulsing(self, key: str) -> tuple[str, str] | None:
        """Return the host and the agent whose :meth:`pulse` is *key*, ``None``: it is none."""
        kind, _, rest = key.removeprefix(self.root).partition("/")
        host, _, about = map(unquote, rest.partition("/"))
        if kind != "told" or not about.startswith(AGENT):
            return None
        return host, about.removeprefix(AGENT)

    def leaf(self, service: str, instance_id: str) -> str:
        """Return the key under which others look for an instance of *service*."""
        return f"{self.root}services/{_escape(service)}/{_escape(instance_id)}"

    def entries(self, instance: Instance) -> dict[str, str]:
        """Return all keys and values of *instance* that its host writes, its record first.

        :raises ValueError: a name or an id can't be a key.
        """
        found = {self.record(instance.host, instance.id): codec.encode(instance)}
        return found | self.listed(instance) if self.leaves else found

    def listed(self, instance: Instance) -> dict[str, str]:
        """Return what others are to find of *instance*: confd and friends dial what they read.

        So only what every host reaches, and may dial.
        """
        if not instance.address or instance.stopping:
            return {}
        names = filter(None, instance.services)
        return {self.leaf(name, instance.id): instance.address for name in names}

    def parse(self, key: str) -> Key | None:
        """Return what *key* speaks of, ``None`` when it is not one of these.

        Of several spellings only the one that is written here is a host's or an instance's key.
        """
        if not key.startswith(self.root):
            return None
        kind, *parts = map(unquote, key[len(self.root) :].split("/"))
        if not all(parts):
            return None
        match kind, parts:
            case "services", [service, instance_id]:
                return Key(kind, instance_id, service)
            case "instances", [host, instance_id] if key == self.record(host, instance_id):
                return Key(kind, instance_id, host=host)
            case "instances", [instance_id] if key == self.former(instance_id):
                return Key(kind, instance_id)
            case "hosts", [host] if key == self.host(host):
                return Key(kind, host)
            case "identity", ["public", "hosts", host] if key == self.kept(f"public/hosts/{host}"):
                return Key("admitted", host)
            case "identity", ["public", "services", name]:
                return Key("reserved", name)
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
