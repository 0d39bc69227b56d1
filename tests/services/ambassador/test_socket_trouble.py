"""The socket plane where it can't be, and what others do to it."""

import os
import re
import shutil
import struct
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from arpanet_ambassador.planes.socket import bpf, installing, kernel, layout, programs, table
from arpanet_ambassador.planes.socket.host import BPFFS, Host, Unavailable
from arpanet_ambassador.planes.socket.installing import OBJECT, Installation
from arpanet_ambassador.planes.socket.layout import HOOKS, Dialled
from arpanet_ambassador.planes.socket.pins import Pins

from tests.conftest import wait_for
from tests.services.ambassador.behaviours.stage import ONE, PORT, TWO, Stage
from tests.services.ambassador.lan import AMBASSADOR, Node
from tests.services.ambassador.mounting import unattached
from tests.services.ambassador.planes import SocketUnderTest, bpffs

pytestmark = pytest.mark.usefixtures("servers")


def why_not(place, blob=None, host=None):
    """Return why a host can't have the plane, and look that nothing is left of the attempt."""
    made = Installation(host or Host(os.getpid()), Pins(place, 1), blob)
    with pytest.raises(Unavailable) as said:
        kernel.Kernel(made).apply(table.Table())
    assert list(place.glob("arpanet/1/*")) == []
    assert "\n" not in str(said.value)
    return str(said.value)


# -- where it can't be -----------------------------------------------------------------------------


def test_an_object_that_the_verifier_refuses(place):
    blob = OBJECT.read_bytes()
    ends = struct.pack("<BBhi", 0x95, 0, 0, 0)  # exit
    broken = blob.replace(ends, struct.pack("<BBhi", 0x05, 0, -1, 0))  # goto itself
    said = why_not(place, broken)
    assert re.match(r"the kernel does not take the program connect4: Invalid argument: \w+", said)


def test_what_is_no_object(place):
    assert "cannot be read: it is no object" in why_not(place, b"nonsense")


def test_a_kernel_without_one_of_the_hooks(place, monkeypatch):
    load = bpf.load

    def refuses(code, hook, name, terms):
        if name == "getpeername6":
            raise OSError(22, "Invalid argument")
        return load(code, hook, name, terms)

    monkeypatch.setattr(programs.bpf, "load", refuses)
    said = "the kernel does not take the program getpeername6: Invalid argument"
    assert why_not(place) == said


def test_a_hook_that_cgroups_do_not_have(place, monkeypatch):
    monkeypatch.setattr(installing, "HOOKS", {**HOOKS, "getpeername6": 9999})
    assert why_not(place) == "the kernel has no hook getpeername6 for cgroups"


def test_a_kernel_without_bpf(place, monkeypatch):
    def missing(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(programs.bpf, "make_map", missing)
    assert why_not(place) == "the kernel has no bpf(2)"


def test_a_bpffs_that_is_read_only():
    with bpffs(read_only=True) as place:
        assert why_not(place) == "nothing can be pinned in the bpffs: Read-only file system"


@contextmanager
def elsewhere(script):
    """Have a process in mount and cgroup namespaces of its own, after *script* was run there."""
    command = [
        "unshare",
        "--mount",
        "--cgroup",
        "sh",
        "-ec",
        f"{script}; echo ready; exec sleep 60",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process.pid
        finally:
            process.kill()


def test_a_bpffs_is_mounted_where_there_is_none():
    unmounted = f"while mountpoint -q {BPFFS}; do umount {BPFFS}; done"
    with elsewhere(unmounted) as process:
        place = Host(process).bpffs()
        made = Installation(Host(process), Pins(place, 1))
        kernel.Kernel(made).apply(table.Table())
        assert made.whole()
        assert Host(process).bpffs() == place  # the same one
        assert made.remove()


def test_a_bpffs_that_is_mounted_read_only():
    said = "the bpffs at /sys/fs/bpf is mounted read-only"
    with (
        elsewhere(f"mount -t bpf -o ro bpf {BPFFS}") as pid,
        pytest.raises(Unavailable, match=said),
    ):
        Host(pid).bpffs()


def test_no_place_for_a_bpffs():
    with elsewhere("mount -t tmpfs none /sys/fs") as process:
        said = "a bpffs at /sys/fs/bpf cannot be had here: No such file or directory"
        with pytest.raises(Unavailable, match=said):
            Host(process).bpffs()


def test_a_cgroup2_mount_that_is_gone_is_not_missed(place):
    """As on hosts that have cgroups of version 1 only."""
    with elsewhere("umount -R /sys/fs/cgroup") as process:
        made = Installation(Host(process), Pins(place, 1))
        kernel.Kernel(made).apply(table.Table())
        assert made.whole()
        made.remove()


def test_the_root_of_the_cgroups_cannot_be_seen_from_a_private_namespace(place):
    """What is attached there would do nothing for other containers."""
    mount = unattached("cgroup2")
    inner = Path(f"/proc/{os.getpid()}/fd/{mount}/arpanet-test-{os.getpid()}")
    inner.mkdir()
    enter = f"echo $$ > {inner}/cgroup.procs; exec unshare --cgroup sleep 60"
    with subprocess.Popen(["sh", "-ec", enter]) as process:
        try:
            mine = Path("/proc/self/ns/cgroup").readlink()
            wait_for(lambda: Path(f"/proc/{process.pid}/ns/cgroup").readlink() != mine)
            said = "the root of the cgroup2 hierarchy cannot be seen from here"
            assert why_not(place, host=Host(process.pid)) == said
        finally:
            process.kill()
    wait_for(lambda: not (inner / "cgroup.procs").read_text())
    inner.rmdir()
    os.close(mount)


def test_a_process_that_is_gone_is_no_host():
    with pytest.raises(Unavailable, match="network namespace cannot be had here: No such file"):
        Host(2**22 + 1).cookie()


UNPRIVILEGED = """
import os, sys
from pathlib import Path
from arpanet_ambassador.planes.socket import installing, kernel, pins, table
from arpanet_ambassador.planes.socket.host import Host, Unavailable

try:
    made = installing.Installation(Host(os.getpid()), pins.Pins(Path(sys.argv[1]), 1))
    kernel.Kernel(made).apply(table.Table())
except Unavailable as problem:
    print(problem)
"""


def test_without_privileges(tmp_path):
    """As in a rootless engine."""
    setpriv = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
    done = subprocess.run(
        [*setpriv, sys.executable, "-c", UNPRIVILEGED, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.stdout == (
        "no permission to make maps: the capability SYS_ADMIN is missing here, as in a rootless "
        "engine, or the kernel is locked down\n"
    ), done.stderr


class Inner(Host):
    """A host whose hierarchy begins at a cgroup of this test's: others' programs can be there."""

    def __init__(self, path):
        super().__init__(os.getpid())
        self._path = path

    def cgroups(self):
        return os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)


@pytest.fixture
def inner():
    mount = unattached("cgroup2")
    made = Path(f"/proc/{os.getpid()}/fd/{mount}/arpanet-test-{os.getpid()}")
    made.mkdir()
    yield Inner(made)
    made.rmdir()
    os.close(mount)


@contextmanager
def other_program(host, flags):
    """Have somebody else's program at connect4, attached with *flags*."""
    passes = struct.pack("<BBhi", 0xB7, 0, 0, 1) + struct.pack("<BBhi", 0x95, 0, 0, 0)
    program, root = bpf.load(passes, HOOKS["connect4"], "other", "GPL"), host.cgroups()
    attach, detach = 8, 9
    bpf.call(attach, struct.pack("=IIIII", root, program, HOOKS["connect4"], flags, 0))
    try:
        yield
    finally:
        bpf.call(detach, struct.pack("=IIII", root, program, HOOKS["connect4"], 0))
        os.close(program)
        os.close(root)


@pytest.mark.parametrize("flags", [0, 1])
def test_a_hook_that_another_holds_for_itself(place, inner, flags):
    with other_program(inner, flags):
        said = why_not(place, host=inner)
    assert said == "another program holds connect4 at the root for itself alone"


def test_a_hook_that_another_shares(place, inner):
    made = Installation(inner, Pins(place, 1))
    with other_program(inner, bpf.ALLOW_MULTI):
        kernel.Kernel(made).apply(table.Table())
        root = inner.cgroups()
        assert len(bpf.attached(root, HOOKS["connect4"])[0]) == 2
        made.remove()
        wait_for(lambda: len(bpf.attached(root, HOOKS["connect4"])[0]) == 1)
        os.close(root)


# -- what others do to it --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [
        lambda directory: (directory / "link_connect4").unlink(),
        lambda directory: (directory / "map_links").unlink(),
        lambda directory: (directory / "map_ways").unlink(),
        lambda directory: [one.unlink() for one in directory.iterdir()],
        lambda directory: shutil.rmtree(directory),
        lambda directory: shutil.rmtree(directory.parent.parent),
    ],
    ids=["link", "map", "unused map", "all pins", "directory", "everything"],
)
@pytest.mark.parametrize("restarted", [False, True])
def test_pins_that_were_deleted_by_hand_are_made_again(stage, carrier, place, damage, restarted):
    stage.link(AMBASSADOR, ONE)
    damage(Pins(place, 1).all()[0])
    if restarted:
        carrier.die()
        carrier.revive()
    else:
        carrier.apply(check=True)
        assert carrier.plane.drift == 1
    assert carrier.installation.whole()
    stage.link(AMBASSADOR, TWO)
    assert stage.reached(AMBASSADOR) == TWO


@pytest.mark.parametrize("name", ["pools", "links", "spaces"])
def test_entries_that_somebody_changed_are_put_right(stage, carrier, name):
    stage.link(AMBASSADOR, ONE)
    carrier.apply(check=True)
    assert carrier.plane.drift == 0
    entries = carrier.plane._maps[name]
    ((key, value),) = entries.items()
    entries.set(key, bytes(len(value)))
    entries.set(key[::-1], value)
    carrier.apply(check=True)
    assert carrier.plane.drift == (2 if name != "spaces" else 1)  # a space's value is zero anyway
    assert [key for key, _ in entries.items()] == [key]
    assert stage.reached(AMBASSADOR) == ONE
    entries.delete(key)
    carrier.apply(check=True)
    assert stage.reached(AMBASSADOR) == ONE


@pytest.mark.parametrize("name", ["links", "pools", "spaces"])
def test_a_full_map_is_told_and_harms_only_what_is_too_much(module_lan, place, monkeypatch, name):
    kinds = {**layout.MAPS, name: replace(layout.MAPS[name], entries=2)}
    for module in (programs, kernel, installing):
        if hasattr(module, "MAPS"):
            monkeypatch.setattr(module, "MAPS", kinds)
    monkeypatch.setitem(layout.MAPS, name, kinds[name])
    carrier = SocketUnderTest(place)
    stage = Stage(module_lan, carrier)
    monkeypatch.setattr(
        table, "MAPS", {**layout.MAPS, "links": replace(kinds["links"], entries=99)}
    )
    with Node("third") as third:
        module_lan.up(third)
        try:
            nodes = (stage.client, stage.other, third) if name == "spaces" else (stage.client,) * 3
            for number, node in enumerate(nodes):
                stage.link(AMBASSADOR, ONE, port=PORT + number, node=node)
            ((which, said),) = carrier.troubles.items()
            assert isinstance(which, Dialled)
            assert said == f"the socket plane's table of {name} is full: it takes 2"
            assert stage.reached(AMBASSADOR) == ONE
            stage.unlink(AMBASSADOR, port=PORT, node=nodes[0])
            assert carrier.troubles == {}  # there is room again
        finally:
            carrier.stop()
