"""The socket plane beyond the table of behaviours: its neighbours, counters and life."""

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from arpanet_ambassador.planes.socket import installing, maps, pins
from arpanet_ambassador.planes.socket.host import Host, cookie
from arpanet_ambassador.planes.socket.installing import OBJECT, Installation
from arpanet_ambassador.planes.socket.kernel import Kernel
from arpanet_ambassador.planes.socket.layout import CGROUP, Dialled, Use
from arpanet_ambassador.planes.socket.pins import Pins
from arpanet_ambassador.planes.socket.programs import make_maps
from arpanet_ambassador.planes.socket.table import Table, fitting

from arpanet import sockets
from tests.conftest import wait_for
from tests.services.ambassador.behaviours.stage import LOCALHOST, ONE, PORT, TWO
from tests.services.ambassador.lan import AMBASSADOR, Node, echoes, hello
from tests.services.ambassador.mounting import unattached
from tests.services.ambassador.planes import SocketUnderTest

ANOTHER = OBJECT.read_bytes() + b"\0"  # another object, by its digest, with the same programs

pytestmark = pytest.mark.usefixtures("servers")


@contextmanager
def dials(stage, address=AMBASSADOR):
    """Dial without a pause meanwhile; yields (reached, failures)."""
    reached, failures, done = set(), [], threading.Event()

    def run():
        while not done.is_set():
            try:
                reached.add(stage.reached(address))
            except OSError as problem:
                failures.append(problem)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield reached, failures
    finally:
        done.set()
        thread.join()


# -- what it counts --------------------------------------------------------------------------------


def test_uses_are_counted_per_link_and_outlive_moves_and_agents(stage, carrier):
    key = Dialled(stage.client.do(cookie), AMBASSADOR, PORT)
    stage.link(AMBASSADOR, ONE)
    assert carrier.plane.uses() == {key: Use(0, 0, 0.0)}
    for _ in range(3):
        stage.reached(AMBASSADOR)
    stage.link(AMBASSADOR)
    stage.refused(AMBASSADOR)
    carrier.die()
    carrier.revive()
    used = carrier.plane.uses()[key]
    assert (used.made, used.refused) == (3, 1)
    assert 0 <= time.monotonic() - used.last < 5


def test_datagrams_count_once_per_socket_and_target(module_lan, stage, carrier):
    module_lan.answer(*ONE)
    stage.link(AMBASSADOR, ONE, protocol="udp")
    for _ in range(2):
        with stage.datagrams() as free:
            for _ in range(5):
                free.sendto(b"x", (AMBASSADOR, PORT))
    (used,) = carrier.plane.uses().values()
    assert used.made == 2


def test_flows_are_seen_declared_or_not(stage, carrier):
    space = stage.client.do(cookie)
    stage.link(AMBASSADOR, ONE)
    stage.link(LOCALHOST, port=80)
    for _ in range(2):
        stage.reached(AMBASSADOR)
    stage.reached(TWO[0])
    stage.refused("127.0.0.1", port=80)
    stage.reached(TWO[0], node=stage.other)  # not a client
    seen = {flow: traffic.times for flow, traffic in carrier.plane.flows().items()}
    assert seen == {
        (Dialled(space, AMBASSADOR, PORT), ONE): 2,
        (Dialled(space, TWO[0], PORT), TWO): 1,
        (Dialled(space, "127.0.0.1", 80), None): 1,
    }


def test_flows_of_clients_that_are_gone_are_swept(stage, carrier):
    stage.link(AMBASSADOR, ONE)
    stage.link(AMBASSADOR, ONE, node=stage.other)
    stage.reached(AMBASSADOR)
    stage.reached(AMBASSADOR, node=stage.other)
    stage.unlink(AMBASSADOR)
    assert len(carrier.plane.flows()) == 1
    carrier.apply(check=True)
    stage.link(AMBASSADOR, ONE)  # the same namespace: its old flows would show again
    assert len(carrier.plane.flows()) == 1


def test_a_map_that_is_closed_meanwhile_is_read_to_its_end(monkeypatch):
    """Its descriptor's number is given to what is opened next, which is another map here."""
    monkeypatch.setattr(maps, "_CHUNK", 0)  # few entries with each call of the kernel
    made = [make_maps() for _ in range(2)]
    one, other = (every.pop("spaces") for every in made)
    for number in range(100):
        one.set(number.to_bytes(8, "little"), bytes(4))
    reading = one.items()
    next(reading)
    number = one.descriptor
    one.close()
    os.dup2(other.descriptor, number)
    try:
        assert len(list(reading)) == 99
        assert list(one.items()) == []
    finally:
        os.close(number)
        for left in (other, *(left for every in made for left in every.values())):
            left.close()


def test_sockets_show_the_target_itself_and_can_be_destroyed(stage):
    """So flows to an instance that is gone are found without the kernel's connection tracking."""
    stage.link(AMBASSADOR, ONE)
    with stage.dial(AMBASSADOR) as connection:
        hello(connection)
        here = connection.getsockname()
        assert f"{ONE[0]}:{PORT}" in stage.client.sh(f"ss -tnH sport = :{here[1]}")
        stage.client.do(lambda: sockets.destroy_socket(here, ONE))
        with pytest.raises(ConnectionAbortedError):
            connection.recv(1)


# -- clients on the host's own network -------------------------------------------------------------


@pytest.fixture
def cgroup():
    """A cgroup of this test's own, in a hierarchy that is mounted nowhere."""
    mount = unattached("cgroup2")
    made = Path(f"/proc/{os.getpid()}/fd/{mount}/arpanet-test-{os.getpid()}")
    made.mkdir()
    yield made
    wait_for(lambda: not (made / "cgroup.procs").read_text())
    made.rmdir()
    os.close(mount)


def test_on_the_hosts_network_a_client_is_its_cgroup(stage, carrier, cgroup):
    """The stage's client plays the host: all in it share one namespace."""
    script = f"exec 3<>/dev/tcp/127.0.0.1/{PORT}; head -n1 <&3"
    inside = f"echo $$ > {cgroup}/cgroup.procs; exec bash -c '{script}'"
    sleeper = subprocess.Popen(["sh", "-c", f"echo $$ > {cgroup}/cgroup.procs; exec sleep 60"])
    try:
        found = wait_for(lambda: Host(os.getpid()).cgroup(sleeper.pid))
    finally:
        sleeper.kill()
        sleeper.wait()
    assert found == cgroup.stat().st_ino
    space = CGROUP | found
    client = {space: {Dialled(space, LOCALHOST, PORT): "x"}}
    table = Table(client, {"x": (ONE,)}, stage.client.do(cookie))
    assert carrier.plane.apply(table) == {}
    assert stage.client.sh(inside).strip() == f"{ONE[0]}:{PORT}"
    with pytest.raises(subprocess.CalledProcessError):
        stage.client.sh(f"bash -c '{script}'")
    ((flow, _),) = carrier.plane.flows().items()
    assert flow.dialled.space == space


def test_in_the_root_of_the_cgroups_nobody_can_be_told_apart():
    assert Host(os.getpid()).cgroup(os.getpid()) is None


# -- its life --------------------------------------------------------------------------------------

LOADER = """
import sys, time
from pathlib import Path
from tests.services.ambassador.planes import SocketUnderTest
carrier = SocketUnderTest(Path(sys.argv[1]))
carrier._links = {(int(sys.argv[2]), sys.argv[3], 6379, "tcp"): ((sys.argv[4], 6379),)}
carrier.apply()
print("ready", flush=True)
time.sleep(600)
"""


def test_a_loader_that_is_killed_leaves_all_as_it_was(stage, carrier, place):
    space = stage.client.do(cookie)
    command = [sys.executable, "-c", LOADER, str(place), str(space), AMBASSADOR, ONE[0]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as loader:
        assert loader.stdout.readline() == "ready\n"
        with stage.dial(AMBASSADOR) as kept:
            hello(kept)
            loader.kill()
            loader.wait()
            assert echoes(kept)
            assert stage.reached(AMBASSADOR) == ONE
            stage.link(AMBASSADOR, TWO)  # by this process
            assert stage.reached(AMBASSADOR) == TWO
            assert echoes(kept)
            assert kept.getpeername() == (AMBASSADOR, PORT)


def test_reopening_takes_no_time(stage, carrier):
    stage.link(AMBASSADOR, ONE)
    took = []
    for _ in range(5):
        carrier.die()
        began = time.perf_counter()
        carrier.revive()
        took.append(time.perf_counter() - began)
    assert min(took) < 0.01


def upgraded(carrier, place, blob):
    """Return what a new version of the agent makes of *carrier*'s links."""
    other = SocketUnderTest(place, blob)
    other._links = carrier._links
    carrier.die()
    other.apply()
    return other


def test_an_upgrade_leaves_no_moment_between(stage, carrier, place):
    stage.link(AMBASSADOR, ONE)
    with stage.dial(AMBASSADOR) as kept:
        with dials(stage) as (reached, failures):
            for turn in range(10):
                carrier = upgraded(carrier, place, ANOTHER if turn % 2 else OBJECT.read_bytes())
        assert (reached, failures) == ({ONE}, [])
        assert kept.getpeername() == (AMBASSADOR, PORT)  # the maps are the same
    assert len(Pins(place, 1).all()) == 1
    carrier.die()


@pytest.mark.parametrize("layout", [0, 2])
def test_maps_of_another_layout_are_not_taken_over(stage, carrier, place, monkeypatch, layout):
    """An older version's pins, and a newer one's: filled before, replaced hook by hook."""
    monkeypatch.setattr(pins, "LAYOUT", layout)
    stage.link(AMBASSADOR, ONE)
    stage.reached(AMBASSADOR)
    monkeypatch.undo()
    with dials(stage) as (reached, failures):
        other = upgraded(carrier, place, None)
    assert (reached, failures) == ({ONE}, [])
    (directory,) = Pins(place, 1).all()
    assert directory.name.startswith("v1-")
    (used,) = other.plane.uses().values()
    assert used.made < 1000  # counted anew
    other.die()


@pytest.mark.parametrize("after", [0, 1, 4, 5, 6, 12])
def test_an_installation_that_was_interrupted_is_finished(
    stage, carrier, place, monkeypatch, after
):
    stage.link(AMBASSADOR, ONE)
    pin, pinned = installing.bpf.pin, []

    def interrupted(descriptor, path):
        if len(pinned) == after:
            raise KeyboardInterrupt
        pinned.append(path)
        pin(descriptor, path)

    with dials(stage) as (reached, failures):
        monkeypatch.setattr(installing.bpf, "pin", interrupted)
        with pytest.raises(KeyboardInterrupt):
            upgraded(carrier, place, ANOTHER)
        monkeypatch.undo()
        other = upgraded(carrier, place, ANOTHER)
    assert (reached, failures) == ({ONE}, [])
    (directory,) = Pins(place, 1).all()
    assert directory.name.endswith("-3")
    other.die()


def test_a_first_installation_that_was_interrupted_is_finished(stage, place, monkeypatch):
    broken = SocketUnderTest(place)
    monkeypatch.setattr(installing.bpf, "attach", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        broken.link(stage.client, AMBASSADOR, PORT, [ONE])
    monkeypatch.undo()
    stage.link(AMBASSADOR, ONE)
    assert stage.reached(AMBASSADOR) == ONE


def test_hosts_on_one_kernel_leave_each_other_alone(stage, carrier, place):
    neighbour = Kernel(Installation(Host(os.getpid()), Pins(place, 2)))
    space = stage.other.do(cookie)
    table = Table({space: {Dialled(space, AMBASSADOR, PORT): "x"}}, {"x": (TWO,)})
    neighbour.apply(table)
    stage.link(AMBASSADOR, ONE)
    assert stage.reached(AMBASSADOR) == ONE
    assert stage.reached(AMBASSADOR, node=stage.other) == TWO
    carrier.stop()
    assert stage.reached(AMBASSADOR, node=stage.other) == TWO
    neighbour.close()
    Installation(Host(os.getpid()), Pins(place, 2)).remove()
    assert list(place.glob("arpanet*")) == []


def test_a_thousand_links_on_one_container(stage, carrier):
    space = stage.client.do(cookie)
    links = {Dialled(space, LOCALHOST, port): "x" for port in range(7000, 8001)}
    clients, refused = fitting({space: links})
    table = Table(clients, {"x": (ONE,)})
    assert set(refused) == {Dialled(space, LOCALHOST, 8000)}
    assert carrier.plane.apply(table) == {}
    for port in (7000, 7999):
        assert stage.reached("127.0.0.1", port=port) == ONE
    moved = Table(clients, {"x": (TWO,)})
    began = time.process_time()
    carrier.plane.apply(moved)
    assert time.process_time() - began < 0.05
    assert stage.reached("127.0.0.1", port=7999) == TWO
    began = time.process_time()
    carrier.plane.apply(moved, check=True)
    assert time.process_time() - began < 0.1


def test_a_client_that_floods_harms_nobody(stage, carrier):
    """More new flows than the map of flows takes, and links are dialled as before."""
    stage.link(AMBASSADOR, ONE)
    stage.link(AMBASSADOR, TWO, node=stage.other)
    with stage.dial(AMBASSADOR, node=stage.other) as kept:
        hello(kept)

        def flood():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
                for number in range(40_000):
                    free.connect((f"10.99.0.{20 + number // 200}", 1 + number % 200))

        stage.client.do(flood)
        assert kept.getpeername() == (AMBASSADOR, PORT)
        assert echoes(kept)
    assert stage.reached(AMBASSADOR, node=stage.other) == TWO
    assert stage.reached(AMBASSADOR) == ONE
    assert len(carrier.plane.flows()) <= 32768


def test_a_namespace_that_dies_leaves_nothing_behind(stage, carrier):
    with Node("dying") as dying:
        stage.lan.up(dying)
        stage.link(LOCALHOST, ONE, node=dying)
        gone = dying.do(cookie)
    stage.link(AMBASSADOR, ONE)  # the dead one is still wanted: harmless
    assert stage.reached(AMBASSADOR) == ONE
    carrier._links = {key: one for key, one in carrier._links.items() if key[0] != gone}
    carrier.apply(check=True)
    assert {one.space for one in carrier.plane.uses()} == {stage.client.do(cookie)}


def test_nothing_stays_of_many_moves(stage, carrier):
    """Pools and links that are not wanted any more are gone from the kernel."""
    for turn in range(50):
        stage.link(AMBASSADOR, ONE, port=7000 + turn)
        stage.unlink(AMBASSADOR, port=7000 + turn)
    carrier.revive()
    assert carrier.plane.uses() == {}
    assert carrier.plane._held == {"pools": {}, "links": {}, "spaces": {}}
