"""The whole line: containers and services in, connections of a client out."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from arpanet_ambassador.ambassador import CHECK
from arpanet_ambassador.links import report
from arpanet_ambassador.planes.nftables.plane import Nftables

from arpanet.records import Container, Snapshot
from tests.conftest import SLOW, wait_for
from tests.services.ambassador.host import snapshot
from tests.services.ambassador.lan import AMBASSADOR, SERVERS, anybody, echoes, hello
from tests.services.ambassador.planes import Machine, bpffs

ONE, TWO = SERVERS

pytestmark = pytest.mark.usefixtures("servers")


def not_the_client(home):
    """An engine that lets nobody into the client's namespace."""
    if home.container == "id-client":
        raise OSError("no privileges")
    return True


def test_line(host):
    host.containers()
    host.services(ONE)
    assert (host.reached(6379), host.reached(80)) == (ONE, ONE)
    assert [(one.dials, one.plane, one.error) for one in host.links()] == [
        ("localhost:80", host.best, ""),
        ("redis:6379", host.best, ""),
    ]
    host.services(TWO)
    assert (host.reached(6379), host.reached(80)) == (TWO, TWO)
    host.services()
    for port in (6379, 80):
        with pytest.raises(ConnectionRefusedError):
            host.dial(port)
    assert {one.error for one in host.links()} == {"service redis has no instance"}
    assert [event for event, _ in host.emitted] == ["links.changed"] * 3
    assert report.decode(host.status())[0].error == "service redis has no instance"


def test_nothing_is_touched_before_both_were_seen(host):
    host.containers()
    host.services(ONE)
    host.start()
    host.containers()
    assert host.reached() == ONE
    host.start()
    host.services()
    assert host.reached() == ONE
    host.containers()
    with pytest.raises(ConnectionRefusedError):
        host.dial()


def test_a_killed_ambassador_interrupts_nothing(host):
    host.containers()
    host.services(ONE)
    with host.dial() as kept:
        hello(kept)
        host.ambassador.close()
        assert echoes(kept)
        assert host.reached() == ONE
        host.start()
        host.containers()
        host.services(ONE, TWO)
        assert echoes(kept)
        assert {host.reached() for _ in range(4)} == {ONE, TWO}


def test_clients_of_an_earlier_address_are_served(host):
    """An app that looked its name up once goes on dialling where the ambassador once was."""
    host.containers(backends=host.backends("10.99.0.77"))
    host.services(ONE)
    host.containers()
    for address in ("10.99.0.77", AMBASSADOR):
        with host.lan.client.dial(address, 6379) as connection:
            assert hello(connection).startswith(ONE)


def test_proxy_serves_what_rules_cannot(host):
    host.start(not_the_client)
    host.containers()
    host.services(ONE)
    assert host.reached(6379) == ONE
    assert [(one.port, one.plane, one.error) for one in host.links()] == [
        (80, "", host.links()[0].error),
        (6379, "proxy", ""),
    ]
    assert "no privileges; the proxy plane cannot serve localhost" in host.links()[0].error
    assert host.links()[1].note.endswith("no privileges")


def test_proxy_follows_what_clients_are_linked_to(host):
    stranger = Container("id-other", "other", "image", 1, "t0")
    host.start(not_the_client)
    host.containers(backends=stranger)
    host.services(ONE)
    assert "arpanet_backends has no address that client could dial" in host.links()[1].error
    for started in ("t1", "t2"):
        host.containers(backends=replace(host.backends(), started=started))
        assert host.reached() == ONE
    host.containers(backends=stranger)
    with pytest.raises(ConnectionRefusedError):
        host.dial()


def test_without_what_clients_are_linked_to_rules_still_serve(host):
    host.containers()
    host.services(ONE)
    host.containers(backends=Container("id-other", "other", "image", 1, "t0"))
    assert host.reached() == ONE
    assert {one.plane for one in host.links()} == {host.best}


def no_client(host):
    """One that declares nothing any more, as when its guest has ended."""
    host.containers(client=host.client(env={}, labels={}))
    host.services(ONE)
    with pytest.raises(ConnectionRefusedError):
        host.dial(80)


def test_who_is_no_client_any_more_when_the_ambassador_comes_back_has_no_link(host):
    host.containers()
    host.services(ONE)
    assert host.reached(80) == ONE
    host.start()
    no_client(host)


@pytest.mark.parametrize(("before", "after"), [("nftables", "socket"), ("socket", "nftables")])
def test_nor_one_of_another_plane(make, before, after):
    with bpffs() as place:
        host = make(before, Machine(place))
        host.containers()
        host.services(ONE)
        assert host.reached(80) == ONE
        host.plane = after
        host.start()
        no_client(host)
        assert host.lan.client.rules() == ""
        host.ambassador.chain.clear([])


def test_proxy_plane_leaves_the_client_alone(make):
    host = make("proxy")
    host.containers()
    host.services(ONE, TWO)
    assert {host.reached() for _ in range(4)} == {ONE, TWO}
    assert host.lan.client.rules() == ""


def test_connection_through_the_proxy_outlives_the_arrival_of_the_rules(host):
    host.start(not_the_client)
    host.containers()
    host.services(ONE)
    with host.dial() as connection:
        hello(connection)
        plan = host.ambassador.plan
        Nftables(anybody).apply(plan.clients, plan.pools)
        assert echoes(connection)
        assert host.reached() == ONE


def test_drift_is_repaired_when_it_is_time(host):
    host.containers()
    host.services(ONE)
    host.damage()
    host.containers()
    with pytest.raises(ConnectionRefusedError):
        host.dial(80)
    host.now += CHECK
    host.containers()
    assert host.reached(80) == ONE
    assert host.status()["drift"] == {"nftables": 1, "socket": 2}[host.best]


# -- instances that are gone ---------------------------------------------------------------------


@pytest.fixture
def unplugged(lan):
    """Cuts the first server off when called, without a goodbye."""

    def cut():
        lan.servers.sh(f"ip addr del {ONE}/24 dev br0")
        lan.servers.sh(f"ip addr add {TWO}/24 dev br0 || true")

    yield cut
    lan.servers.sh(f"ip addr add {ONE}/24 dev br0 || true")


def test_stuck_connections_are_reset_also_idle_ones(host, unplugged):
    host.containers()
    host.services(ONE)
    with host.dial() as first, host.dial(80) as second:
        hello(first), hello(second)
        host.services(ONE, TWO)
        with host.dial() as one, host.dial() as other:
            kept = one if hello(one).startswith(TWO) else other
            unplugged()
            host.services(TWO)
            for stuck in (first, second):
                with pytest.raises(ConnectionError):
                    stuck.recv(1)
            assert echoes(kept) if kept is one else hello(kept) and echoes(kept)
    wait_for(lambda: host.ambassador.flows.reaper.reset >= 2)


def test_connections_to_what_the_registry_lost_but_still_answers_stay(host):
    host.containers()
    host.services(ONE)
    with host.dial() as connection:
        hello(connection)
        host.services(TWO)
        assert host.reached() == TWO
        wait_for(lambda: host.ambassador.flows.reaper.suspicious)
        assert echoes(connection)


def test_connections_that_got_stuck_while_no_ambassador_ran(host, unplugged):
    host.containers()
    host.services(ONE)
    with host.dial() as stuck:
        hello(stuck)
        host.ambassador.close()
        unplugged()
        host.start()
        host.containers()
        host.services(TWO)
        with pytest.raises(ConnectionError):
            stuck.recv(1)


def test_what_the_registry_lost_serves_as_long_as_it_answers(host, unplugged):
    """A host whose agent is dead, or etcd wiped: what runs there is well."""
    lost = snapshot(ONE, unconfirmed=True).instances
    both = Snapshot({**lost, **snapshot(TWO).instances})
    host.lan.ambassador.do(lambda: host.ambassador.services(both))
    host.containers()
    assert {host.reached() for _ in range(4)} == {ONE, TWO}
    assert all(f"unconfirmed: {ONE}:6379" in one.note for one in host.links())
    unplugged()
    wait_for(lambda: host.ambassador.flows.prober.silent, 20)
    host.containers()
    assert {host.reached() for _ in range(4)} == {TWO}
    assert not any("unconfirmed" in one.note for one in host.links())
    host.lan.servers.sh(f"ip addr add {ONE}/24 dev br0")
    wait_for(lambda: not host.ambassador.flows.prober.silent, 20)
    host.containers()
    assert {host.reached() for _ in range(4)} == {ONE, TWO}


def test_when_nothing_answers_the_last_known_stay(host, unplugged):
    lost = snapshot(ONE, unconfirmed=True)
    host.lan.ambassador.do(lambda: host.ambassador.services(lost))
    host.containers()
    assert host.reached() == ONE
    unplugged()
    wait_for(lambda: host.ambassador.flows.prober.silent, 20)
    host.containers()
    assert [one.targets[0].ip for one in host.links()] == [ONE, ONE]


def test_proxied_connections_are_dropped_too(make, unplugged):
    host = make("proxy")
    host.containers()
    host.services(ONE)
    with host.dial() as stuck:
        hello(stuck)
        unplugged()
        host.services(TWO)
        with pytest.raises(ConnectionError):
            stuck.recv(1)


def test_latency(host):
    """From the registry's news to a connection that goes the new way."""
    host.containers()
    host.services(ONE)
    took = []
    for turn in range(10):
        wanted = (TWO, ONE)[turn % 2]
        began = time.perf_counter()
        host.services(wanted)
        took.append(time.perf_counter() - began)
        assert host.reached() == wanted
    assert min(took) < 0.1 * SLOW


def test_what_a_plugin_answers_is_dialled_and_asked_again_when_it_changed(make):
    host, answer = make(), [(ONE, 6379)]
    host.context.bus = SimpleNamespace(first=lambda hook, context, spec: list(answer))
    host.start()
    client = host.client(env={"BACKEND_6379": "consul:redis"}, labels={})
    host.services()
    for server in (ONE, TWO):
        answer[:] = [(server, 6379)]
        host.ambassador.backends()

        def leads_there(server: str = server) -> bool:
            host.containers(client=client)
            return [target.ip for link in host.links() for target in link.targets] == [server]

        wait_for(leads_there)
        assert host.reached() == server
    (link,) = host.links()
    assert (link.spec, link.error) == ("consul:redis", "")


def test_a_dial_waits_for_the_first_instance(host):
    """By label and by link, whatever plane carries it then."""
    client = host.client(labels={"connect.80": "redis", "connect.wait": "60s"})
    host.containers(client=client)
    host.services()
    assert all(
        "waits up to 60 s" in one.note and "no instance" in one.error for one in host.links()
    )
    with host.dial(6379) as linked, host.dial(80) as labelled:
        host.services(ONE)
        assert {hello(one).partition(":")[0] for one in (linked, labelled)} == {ONE}
        assert {one.plane for one in host.links()} == {host.best}
        host.services(TWO)
        assert {host.reached(6379), host.reached(80)} == {TWO}
        assert echoes(linked) and echoes(labelled)
    host.containers()
    host.services()
    with pytest.raises(ConnectionRefusedError):
        host.dial()
