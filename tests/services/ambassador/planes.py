"""The planes, as the table of behaviours drives them."""

import os
import struct
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from arpanet_ambassador.planes.nftables.plane import Nftables
from arpanet_ambassador.planes.plane import LOOPBACK, Frontend, Plane
from arpanet_ambassador.planes.proxy.plane import Proxied
from arpanet_ambassador.planes.socket.host import Host, cookie
from arpanet_ambassador.planes.socket.installing import OBJECT, Installation
from arpanet_ambassador.planes.socket.kernel import Kernel
from arpanet_ambassador.planes.socket.layout import Dialled
from arpanet_ambassador.planes.socket.pins import Pins
from arpanet_ambassador.planes.socket.plane import Sockets
from arpanet_ambassador.planes.socket.table import Table, choose

from arpanet.records import Target
from tests.services.ambassador.behaviours import stage as b
from tests.services.ambassador.lan import Lan, Node, anybody
from tests.services.ambassador.leading import leading
from tests.services.ambassador.mounting import unattached

__all__ = ["PLANES", "Machine", "SocketUnderTest", "bpffs", "compiled"]


@contextmanager
def bpffs(read_only: bool = False) -> Iterator[Path]:
    """Have a bpffs that is mounted nowhere: it goes with this process, and all pins with it."""
    mount = unattached("bpf", read_only)
    try:
        # any process may go this way, not only this one
        yield Path(f"/proc/{os.getpid()}/fd/{mount}")
    finally:
        os.close(mount)


@cache
def compiled(name: str) -> bytes:
    """Return the programs in *name*'s source, as the clang of this machine compiles them now."""
    with TemporaryDirectory() as directory:
        command = ["make", "-s", "-C", str(OBJECT.parent), f"INTO={directory}"]
        subprocess.run(command, check=True, timeout=60)
        return Path(directory, f"{name}.bpf.o").read_bytes()


class Machine(Host):
    """The host that the tests run on, with a bpffs of its own.

    Its process 1 may be out of reach: this process lives in the same namespaces.
    """

    def __init__(self, place: Path) -> None:
        super().__init__(os.getpid())
        self._place = place

    def mounted_bpffs(self) -> Path | None:
        return self._place


class SocketUnderTest:
    """The socket plane's own side: tables for the kernel, of the stage's clients only."""

    @classmethod
    def blob(cls) -> bytes:
        """Return the compiled programs."""
        return OBJECT.read_bytes()

    def __init__(self, place: Path, blob: bytes | None = None) -> None:
        self._links: dict[tuple[int, str, int, str], tuple[tuple[str, int], ...]] = {}
        self.installation = Installation(Host(os.getpid()), Pins(place, 1), blob)
        self.plane = Kernel(self.installation)
        self.troubles: dict[object, str] = {}

    @classmethod
    @contextmanager
    def ready(cls, lan: Lan) -> Iterator["SocketUnderTest"]:
        with bpffs() as place:
            made = cls(place, cls.blob())
            try:
                yield made
            finally:
                made.stop()

    def table(self):
        clients: dict[int, dict[Dialled, str]] = {}
        pools = {}
        for key, targets in self._links.items():
            space = key[0]
            pools[repr(key)] = choose(targets, "1")
            clients.setdefault(space, {})[Dialled(*key)] = repr(key)
        return Table(clients, pools)

    def apply(self, check=False):
        self.troubles = self.plane.apply(self.table(), check)

    def link(self, node, address, port, targets, protocol="tcp"):
        self._links[node.do(cookie), address, port, protocol] = tuple(targets)
        self.apply()

    def unlink(self, node, address, port, protocol="tcp"):
        del self._links[node.do(cookie), address, port, protocol]
        self.apply()

    def refuses(self, address, port, targets, protocol="tcp"):
        return Sockets(anybody).refuses(_frontend(address, port, protocol), _places(targets))

    def ended(self, node):
        space = node.do(cookie)
        self._links = {key: one for key, one in self._links.items() if key[0] != space}

    def die(self):
        self.plane.close()

    def revive(self):
        self.plane = Kernel(self.installation)
        self.apply()

    def stop(self):
        self.plane.close()
        self.installation.remove()


class CompiledAnew(SocketUnderTest):
    """The same, with programs that the clang of this machine compiled just now."""

    @classmethod
    def blob(cls) -> bytes:
        return compiled("plane")


class OldKernel(SocketUnderTest):
    """The same, on a kernel without bpf_set_retval (before 5.18), as far as the verifier knows."""

    @classmethod
    def blob(cls) -> bytes:
        set_retval, nothing = (struct.pack("<BBhi", 0x85, 0, 0, number) for number in (187, 9999))
        blob = OBJECT.read_bytes()
        assert blob.count(set_retval) == 4
        return blob.replace(set_retval, nothing)


class UnderTest:
    """Any plane, told of the stage's clients only."""

    def __init__(self, place: Path, lan: Lan) -> None:
        self._place, self._lan = place, lan
        self._links: dict[Node, dict[Frontend, tuple[Target, ...]]] = {}
        self.plane = self.make()

    def make(self) -> Plane:
        """Return the plane, as a process that begins makes it."""
        raise AssertionError("abstract")

    @classmethod
    @contextmanager
    def ready(cls, lan: Lan) -> Iterator["UnderTest"]:
        with bpffs() as place:
            made = cls(place, lan)
            try:
                yield made
            finally:
                made.stop()

    def link(self, node, address, port, targets, protocol="tcp"):
        self._links.setdefault(node, {})[_frontend(address, port, protocol)] = _places(targets)
        self.apply()

    def unlink(self, node, address, port, protocol="tcp"):
        del self._links[node][_frontend(address, port, protocol)]
        self.apply()

    def apply(self):
        nodes = {node.home.container: node for node, links in self._links.items() if links}
        homes = {key: (node.home, self._links[node]) for key, node in nodes.items()}
        addresses = {key: frozenset({self._lan.of(node)}) for key, node in nodes.items()}
        assert self.plane.apply(*leading(homes, addresses)) == {}

    def refuses(self, address, port, targets, protocol="tcp"):
        return self.plane.refuses(_frontend(address, port, protocol), _places(targets))

    def ended(self, node):
        self._links.pop(node, None)

    def die(self):
        self.plane.close()

    def revive(self):
        self.plane = self.make()
        self.apply()

    def stop(self):
        self.plane.close()
        assert self.plane.clear([node.home for node in self._links]) == {}


class SocketPlane(UnderTest):
    """As the ambassador has it."""

    def make(self) -> Plane:
        return Sockets(anybody, Machine(self._place))


class NftablesPlane(UnderTest):
    """As the ambassador has it."""

    def make(self) -> Plane:
        return Nftables(anybody)


class ProxyPlane(UnderTest):
    """In the namespace of what clients are linked to, as the ambassador has it."""

    def make(self) -> Plane:
        return Proxied(lambda: self._lan.ambassador.home, anybody)


#: Those that a user chooses, and in what other ways one of them is tried.
PLANES = {
    "socket": SocketPlane,
    "socket-compiled-anew": CompiledAnew,
    "socket-old-kernel": OldKernel,
    "nftables": NftablesPlane,
    "proxy": ProxyPlane,
}


def _frontend(address: str, port: int, protocol: str) -> Frontend:
    return Frontend(LOOPBACK if address == b.LOCALHOST else address, port, protocol)


def _places(targets: Iterable[tuple[str, int]]) -> tuple[Target, ...]:
    return tuple(Target(*one) for one in targets)
