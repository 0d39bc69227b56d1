"""A lab: several real hosts on this machine."""

import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from pathlib import Path

from arpanet import ArpanetError, UsageError
from arpanet_lab import cgroups, disk, engine, network, state, stock
from arpanet_lab.holding import Holder, end, end_all
from arpanet_lab.host import Host
from arpanet_lab.plan import (
    Plan,
    check_name,
    check_size,
    choose_subnet,
    host_names,
    hosts_file,
    resolver_file,
)
from arpanet_lab.state import State

__all__ = ["DEFAULT_SIZE", "HostStatus", "Lab"]

log = logging.getLogger("arpanet.lab")

DEFAULT_SIZE = 3
_LOADS_AT_ONCE = 4
_TOOLS = {
    "ip": "iproute2",
    "iptables": "iptables",
    "nft": "nftables",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}


@dataclass(frozen=True)
class HostStatus:
    """One line of ``arpanet lab status``; *power* is ``up``, ``cut`` or ``off``."""

    host: str
    address: str
    power: str
    docker: bool


class Lab:
    """Several hosts on this machine, each with its own network, processes, disk and Docker.

    Nothing is done until a method is called; any process may work on the same lab.

    :ivar name: a lab's hosts, interface and directory are found by it.
    :param bound: what this object starts loses its power when this process ends, however it ends.
    :param stock: images that its hosts begin with; see :meth:`keep_images`.
    :raises UsageError: *name* cannot name a lab.
    """

    def __init__(
        self,
        name: str = "lab",
        root: Path = state.ROOT,
        bound: bool = False,
        stock: Path | None = None,
    ) -> None:
        self.name = check_name(name)
        self.directory = root / name
        self._switch = Holder(self.directory / "switch")
        self._bound = bound
        self._stock = stock

    # -- looking ---------------------------------------------------------------------------------

    @property
    def hosts(self) -> list[Host]:
        """Its hosts, whether they have power or not.

        :raises UsageError: the lab is not up.
        """
        known = self._known()
        return [self._host(known, name) for name in host_names(known.size)]

    def host(self, name: str) -> Host:
        """Return the host of this name.

        :raises UsageError: there is none, or the lab is not up.
        """
        known = self._known()
        if name not in host_names(known.size):
            raise UsageError(
                f"lab {self.name} has no {name}", f"it has {' '.join(host_names(known.size))}"
            )
        return self._host(known, name)

    def status(self) -> list[HostStatus]:
        """Return how each host is.

        :raises UsageError: the lab is not up.
        """
        cut = self._known().cut
        return [
            HostStatus(
                host.name,
                host.ip,
                ("cut" if host.name in cut else "up") if host.on else "off",
                host.on and engine.answers(host),
            )
            for host in self.hosts
        ]

    @property
    def running(self) -> bool:
        """Whether it is up, by whoever's hand."""
        return state.load(self.directory) is not None and self._switch.pid is not None

    # -- making and taking away ------------------------------------------------------------------

    def up(self, size: int | None = None, cgroup: str = "", disk: int = 0) -> list[str]:
        """Make it so that *size* hosts run; return the names of those that were started.

        What of this fails, or is interrupted, is taken away again.

        :param size: else what the lab has, or for a new lab 3.
        :param cgroup: the kind of cgroups that its hosts show, ``v1``, ``v2`` or ``hybrid``; else
            the lab's, or for a new lab the machine's.
        :param disk: megabytes of the disk that each host's Docker has of its own, for a new lab.
        :raises UsageError: not root, a size out of range or smaller than what runs, another kind.
        :raises ArpanetError: a tool is missing, or a host or its dockerd did not start.
        """
        _check_machine()
        cgroups.check(cgroup)
        if size is not None:
            check_size(size)
        with state.locked(self.directory):
            known = state.load(self.directory)
            if known is None or self._switch.pid is None:
                return self._begin(size or DEFAULT_SIZE, cgroup, disk)
            if problem := _conflict(known, size, cgroup, disk):
                raise UsageError(
                    f"lab {self.name} has {problem}", f"arpanet lab down --name {self.name}"
                )
            return self._extend(known, size or known.size)

    def down(self) -> bool:
        """Take everything away that the lab made; return whether there was anything.

        :raises ArpanetError: not root, or something does not go.
        """
        _check_root()
        if not self.directory.exists():
            network.remove_uplink(self.name)
            return False
        with state.locked(self.directory):
            self._remove()
        return True

    def _begin(self, size: int, cgroup: str, megabytes: int) -> list[str]:
        self._remove(keep_directory=True)  # what a lab that crashed has left
        names = host_names(size)
        try:
            with state.locked(self.directory.parent):  # two labs must not choose the same subnet
                subnet = choose_subnet(network.machine_routes())
                known = State(str(subnet), size, cgroup=cgroup, disk=megabytes)
                self._switch.directory.mkdir()
                self._switch.begin(bound=self._bound)
                network.set_up_switch(self.name, _plan(known), self._switch.wait_ready())
            self._power_on(known, names)
            state.save(self.directory, known)
        except BaseException:
            self._remove()
            raise
        return names

    def _extend(self, known: State, size: int) -> list[str]:
        grown = replace(known, size=size)
        new = host_names(size)[known.size :]
        off = [name for name in host_names(size) if not self._host(known, name).on]
        try:
            self._power_on(grown, off)
        except BaseException:
            self._power_off(known, off)
            for name in new:
                disk.erase(self._host(known, name).directory)
            raise
        state.save(self.directory, grown)
        if new:
            for name in host_names(size):
                host = self._host(grown, name)
                Path(f"/proc/{host.pid}/root/etc/hosts").write_text(hosts_file(_plan(grown), size))
        return off

    def _remove(self, keep_directory: bool = False) -> None:
        end_all(self.directory)
        network.remove_uplink(self.name)
        if not cgroups.remove(self.name):
            raise ArpanetError(f"the cgroups of lab {self.name} do not go", "run it again")
        for path in self.directory.iterdir():
            disk.erase(path)
        if not keep_directory:
            self.directory.rmdir()
            with suppress(OSError):  # other labs
                self.directory.parent.rmdir()

    # -- accidents -------------------------------------------------------------------------------

    def cut(self, name: str) -> None:
        """Partition a host: nothing it sends arrives, nothing reaches it; it goes on.

        :raises UsageError: there is no such host, or the lab is not up.
        """
        self._plug(name, plugged=False)

    def heal(self, name: str) -> None:
        """End a partition.

        :raises UsageError: there is no such host, or the lab is not up.
        """
        self._plug(name, plugged=True)

    def kill(self, name: str) -> None:
        """Cut a host's power: all its processes die at once, its disk stays as it is.

        :raises UsageError: there is no such host, or the lab is not up.
        """
        self.host(name)
        with state.locked(self.directory):
            self._power_off(self._known(), [name])

    def start(self, name: str) -> bool:
        """Give a host power again, with its disk and address; return whether it was off.

        :raises UsageError: there is no such host, or the lab is not up.
        :raises ArpanetError: the host or its dockerd does not start.
        """
        self.host(name)
        with state.locked(self.directory):
            if self.host(name).on:
                return False
            try:
                self._power_on(self._known(), [name])
            except BaseException:
                self._power_off(self._known(), [name])
                raise
        return True

    @contextmanager
    def slowed(self, name: str, seconds: float, spread: float, port: int = 0) -> Iterator[None]:
        """Have all that a host says and hears come late, for as long.

        :param seconds: for each packet, in either direction.
        :param spread: how many more or fewer, by chance.
        :param port: TCP from and to this one only; 0: all.
        :raises UsageError: there is no such host, or the lab is not up.
        """
        self.host(name)
        with network.relayed(self._switch_pid(), name, seconds, spread, port):
            yield

    def _plug(self, name: str, plugged: bool) -> None:
        host = self.host(name)
        with state.locked(self.directory):
            if host.on:
                network.plug(self._switch_pid(), name, plugged)
            state.save(self.directory, self._known().with_cut(name, not plugged))

    def _power_on(self, known: State, names: Iterable[str]) -> None:
        """Start hosts side by side: all holders, then all dockerds, and only then wait."""
        hosts = [self._host(known, name) for name in names]
        for host in hosts:
            files = {
                "hostname": f"{host.name}\n",
                "resolv.conf": resolver_file(_plan(known)),
                "hosts": hosts_file(_plan(known), known.size),
                "init.d/docker": engine.script(self.name, host.name, host.directory),
            }
            disk.prepare(host.directory, files)
            if known.disk:
                disk.make_image(host.directory, known.disk)
            elif self._stock:
                stock.give(self._stock, host.directory / "docker")
            host.holder.begin(host.name, known.cgroup, self._bound)
        for host in hosts:
            pid = host.holder.wait_ready()
            if known.disk and self._stock:
                stock.give(self._stock, host.docker_data)
            plugged = host.name not in known.cut
            network.attach(_plan(known), self._switch_pid(), host.name, pid, plugged)
            engine.begin(host)
        engine.wait(hosts)

    def _power_off(self, known: State, names: Iterable[str]) -> None:
        hosts = [self._host(known, name) for name in names]
        for host in hosts:  # first: the kernel ends connections of who dies, and would tell others
            network.detach(self._switch_pid(), host.name)
        end(host.holder for host in hosts)
        for host in hosts:
            if not cgroups.remove(self.name, host.name):
                log.warning("the cgroups of %s do not go", host.name)

    # -- images ----------------------------------------------------------------------------------

    def load_image(self, image: str, hosts: Sequence[str] = ()) -> list[str]:
        """Make one of the images in :data:`arpanet_lab.pack.KNOWN`, as :meth:`load_programs` does.

        :raises UsageError: nothing is known of *image*, a host does not exist, or all is off.
        """
        from arpanet_lab import pack  # the Docker SDK takes its time

        programs = pack.KNOWN.get(image.partition(":")[0])
        if not programs:
            raise UsageError(f"of which programs is {image} made?", "name at least one")
        return self.load_programs(image, programs, hosts)

    def load_programs(
        self, image: str, programs: Sequence[str], hosts: Sequence[str] = ()
    ) -> list[str]:
        """Make an image of programs of this machine; return the names of the hosts that got it.

        :param programs: looked up on the PATH; the first is what the image runs.
        :param hosts: names; else all hosts that have power.
        :raises UsageError: a program or a host does not exist, or the lab is not up.
        """
        from arpanet_lab import pack

        chosen = [self.host(name) for name in hosts] or [host for host in self.hosts if host.on]
        with ThreadPoolExecutor(_LOADS_AT_ONCE) as pool:
            list(pool.map(lambda host: pack.load(host.docker_socket, image, programs), chosen))
        return [host.name for host in chosen]

    def keep_images(self, name: str, place: Path) -> None:
        """Keep a host's images for other labs to begin with; its Docker is stopped meanwhile.

        :param place: a directory to be, on the file system of the labs.
        :raises UsageError: there is no such host, or the lab is not up.
        :raises ArpanetError: its images are not kept in a way that can be shared.
        """
        host = self.host(name)
        host.stop_docker()
        try:
            stock.take(host.directory / "docker", place)
        finally:
            host.start_docker()

    # -- inside ----------------------------------------------------------------------------------

    def _known(self) -> State:
        known = state.load(self.directory)
        if known is None or self._switch.pid is None:
            raise UsageError(
                f"lab {self.name} is not up", f"arpanet lab up --hosts 3 --name {self.name}"
            )
        return known

    def _switch_pid(self) -> int:
        pid = self._switch.pid
        if pid is None:
            raise ArpanetError(f"the switch of lab {self.name} is gone", "arpanet lab down")
        return pid

    def _host(self, known: State, name: str) -> Host:
        return Host(self.name, name, str(_plan(known).address(name)), self.directory / name)


def _plan(known: State) -> Plan:
    return Plan(IPv4Network(known.subnet))


def _conflict(known: State, size: int | None, cgroup: str, megabytes: int) -> str:
    """Return what of a running lab is not as asked for, and can't be changed; else ``""``."""
    if cgroup not in ("", known.cgroup):
        return f"hosts of cgroup {known.cgroup or '(the machine)'}"
    if megabytes not in (0, known.disk):
        return f"hosts with disks of {known.disk or '(the machine)'} MB"
    return f"{known.size} hosts already" if size is not None and size < known.size else ""


def _check_root() -> None:
    if os.geteuid():
        raise UsageError("only root can make hosts", "sudo arpanet lab …")


def _check_machine() -> None:
    _check_root()
    for tool, package in _TOOLS.items():
        if not shutil.which(tool):
            raise ArpanetError(f"{tool} is not installed", f"apt-get install {package}")
    engine.check()
