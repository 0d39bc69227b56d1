"""Instances that the registry has, and that don't answer."""

import contextlib
import socket
import time

import pytest
from arpanet_ambassador.flows import prober

from arpanet.records import Snapshot
from tests.conftest import SLOW, wait_for
from tests.services.ambassador.host import snapshot
from tests.services.ambassador.lan import AMBASSADOR, SERVERS, echoes, hello
from tests.services.ambassador.planes import Machine, bpffs

ONE, TWO = SERVERS

pytestmark = pytest.mark.usefixtures("servers")


@pytest.fixture
def deaf(lan):
    """Has servers take no packet, and say nothing, when called with their addresses."""
    table = "inet deaf"

    def ignore(*ips):
        lan.servers.sh(f"nft add table {table}; nft flush table {table}")
        lan.servers.sh(f"nft add chain {table} in '{{ type filter hook input priority 0; }}'")
        for ip in ips:
            lan.servers.sh(f"nft add rule {table} in ip daddr {ip} drop")

    yield ignore
    lan.servers.sh(f"nft delete table {table} || true")


def answered(host):
    return host.ambassador.flows.prober._answered


def notes(host):
    """What links say first, before why no better plane carries them."""
    return {one.note.partition(";")[0] for one in host.links()}


def by_udp(host):
    """Where the link by UDP leads."""
    (link,) = (one for one in host.links() if one.dials.endswith("/udp"))
    return [target.ip for target in link.targets]


def silent(host, *ips):
    """Wait until those, and no others, are silent, and settle."""
    wanted = {(ip, 6379) for ip in ips}
    wait_for(lambda: host.ambassador.flows.prober.silent == wanted, 20)
    host.containers()


def test_out_within_three_seconds_and_back(host, deaf):
    host.services(ONE, TWO)
    host.containers()
    wait_for(lambda: len(answered(host)) == 2)
    with host.dial() as first, host.dial() as second:
        assert {hello(one).partition(":")[0] for one in (first, second)} == {ONE, TWO}
        began = time.monotonic()
        deaf(ONE)
        silent(host, ONE)
        assert time.monotonic() - began < 3 * SLOW
        assert {host.reached() for _ in range(4)} == {TWO}
        assert notes(host) == {f"silent, and left out: {ONE}:6379"}
        deaf()
        silent(host)
        assert {host.reached() for _ in range(4)} == {ONE, TWO}
        assert echoes(first) and echoes(second), "no one was reset: it may come back"
    assert not any("silent" in note for note in notes(host))


def test_when_all_are_silent_all_stay_and_links_say_so(host, deaf):
    host.services(ONE, TWO)
    host.containers()
    wait_for(lambda: len(answered(host)) == 2)
    deaf(ONE, TWO)
    silent(host, ONE, TWO)
    for link in host.links():
        assert [target.ip for target in link.targets] == [ONE, TWO]
        assert link.error == ""
    assert notes(host) == {"none of them answers"}


def test_what_never_answered_here_is_not_judged(host, deaf):
    deaf(ONE)
    host.services(ONE, TWO)
    host.containers()
    wait_for(lambda: answered(host) == {(TWO, 6379)})
    wait_for(lambda: host.ambassador.flows.prober._misses.get((ONE, 6379), 0) > 3, 20)
    assert not host.ambassador.flows.prober.silent
    lost = snapshot(ONE, unconfirmed=True).instances
    both = Snapshot({**lost, **snapshot(TWO).instances})
    host.lan.ambassador.do(lambda: host.ambassador.services(both))
    silent(host, ONE)
    assert {host.reached() for _ in range(4)} == {TWO}


def test_by_udp_it_is_the_host_that_must_answer(host, deaf):
    """It refuses connections there: nothing listens by TCP."""
    label = host.client(labels={"connect.53/udp": "redis"}, env={})
    host.services(ONE, TWO, port=53, protocol="udp")
    host.containers(client=label)
    hosts = host.ambassador.flows.hosts
    wait_for(lambda: hosts._answered == {(ONE, 53), (TWO, 53)})
    deaf(ONE)
    wait_for(lambda: hosts.silent == {(ONE, 53)}, 20)
    host.containers(client=label)
    assert by_udp(host) == [TWO]
    assert f"silent, and left out: {ONE}:53" in notes(host)
    deaf()
    wait_for(lambda: not hosts.silent, 20)
    host.containers(client=label)
    assert by_udp(host) == [ONE, TWO]


def test_by_udp_a_host_that_is_back_has_to_tell_what_it_runs(host, deaf):
    """It refuses connections before its servers run again."""
    label = host.client(labels={"connect.53/udp": "redis"}, env={})
    udp = {"port": 53, "protocol": "udp"}
    both, hosts = snapshot(ONE, TWO, **udp), host.ambassador.flows.hosts
    lost = Snapshot(
        snapshot(ONE, unconfirmed=True, **udp).instances | snapshot(TWO, **udp).instances
    )

    def hears(found):
        host.lan.ambassador.do(lambda: host.ambassador.services(found))
        host.containers(client=label)

    hears(both)
    wait_for(lambda: hosts._answered == {(ONE, 53), (TWO, 53)})
    deaf(ONE)
    wait_for(lambda: hosts.silent == {(ONE, 53)}, 20)
    hears(lost)
    deaf()
    wait_for(lambda: not hosts.silent, 20)
    host.containers(client=label)
    assert by_udp(host) == [TWO]
    hears(both)
    host.containers(client=label)
    assert by_udp(host) == [ONE, TWO]


def test_a_host_that_drops_what_nothing_listens_for_is_not_silent(host, deaf):
    """As many a firewall has it; also while the registry has lost what runs there."""
    label = host.client(labels={"connect.53/udp": "redis"}, env={})
    deaf(ONE)
    lost = snapshot(ONE, port=53, protocol="udp", unconfirmed=True).instances
    both = Snapshot({**lost, **snapshot(TWO, port=53, protocol="udp").instances})
    host.lan.ambassador.do(lambda: host.ambassador.services(both))
    host.containers(client=label)
    hosts = host.ambassador.flows.hosts
    wait_for(lambda: hosts._misses.get((ONE, 53), 0) > 3, 20)
    assert hosts._answered == {(TWO, 53)}
    host.containers(client=label)
    assert by_udp(host) == [ONE, TWO]


def test_what_the_registry_lost_and_stays_silent_is_gone(host, deaf, monkeypatch):
    """Its host has lost its power: what hangs on it would hang for ever."""
    monkeypatch.setattr(prober, "GONE", 0.5)
    host.services(ONE)
    host.containers()
    with host.dial() as stuck, host.dial(80) as idle:
        assert hello(stuck) == hello(idle)
        deaf(ONE)
        silent(host, ONE)
        assert not host.ambassador.flows.prober.gone, "the registry has it"
        host.services(ONE, unconfirmed=True)
        wait_for(lambda: host.ambassador.flows.prober.gone, 20)
        host.containers()
        for one in (stuck, idle):
            with pytest.raises(ConnectionError):
                one.recv(1)
    assert [target.ip for link in host.links() for target in link.targets] == [ONE, ONE]


def test_connections_that_talk_save_dials(make, lan):
    with bpffs() as place:
        host = make(machine=Machine(place))
        host.services(ONE)
        host.containers()
        with host.dial() as talking:
            hello(talking)
            living = host.ambassador.flows.prober._living
            one = frozenset({(ONE, 6379)})

            def there():
                return lan.ambassador.do(lambda: living(one)).there.keys()

            wait_for(lambda: echoes(talking) and there() == one)
            wait_for(lambda: not there())
        host.ambassador.chain.clear([])


def begun():
    """Return a socket of the client that has asked for a connection, and waits for no answer."""
    made = socket.socket()
    made.setblocking(False)
    made.connect_ex((AMBASSADOR, 6379))
    return made


def test_connections_that_hang_need_no_dial(make, lan, deaf, monkeypatch):
    with bpffs() as place:
        host = make(machine=Machine(place))
        host.services(ONE, TWO)
        host.containers()
        wait_for(lambda: len(answered(host)) == 2)
        found = host.ambassador.flows.prober
        # no dial tells of the one that is to fall silent
        dial = found._dial
        others = {(TWO, 6379)}
        monkeypatch.setattr(found, "_dial", lambda ones: dial(sorted(others.intersection(ones))))
        deaf(ONE)
        with contextlib.ExitStack() as waiting:
            for _ in range(4):  # each second one gets it
                waiting.enter_context(lan.client.do(begun))
            wait_for(lambda: found.silent == {(ONE, 6379)}, 20)
        host.ambassador.chain.clear([])
