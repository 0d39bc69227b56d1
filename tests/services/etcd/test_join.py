"""Joining, leaving off halfway and coming back, with real members."""

import socket
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import urllib3
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters import flags, health, leaving, lock, peers
from arpanet_etcd.masters.lock import Lock
from arpanet_etcd.masters.plan import Own
from arpanet_etcd.settings import ETCD_PATH

from arpanet import ARPANET_IDENTITY, Progress
from arpanet.errors import EngineError, RegistryError, RegistryUnreachable
from tests.conftest import SLOW, wait_for
from tests.services.etcd.masters import Master, masters
from tests.services.etcd.strangers import by_path, serving

__all__ = ["masters"]  # a fixture


def succeeds(call: Callable[[str], None], argument: str) -> bool:
    try:
        call(argument)
    except RegistryError:
        return False
    return True


def peer_urls(master: Master) -> set[str]:
    return {url for one in master.gateway.member_list() for url in one.peer_urls}


def refuses(call: Callable[[], None]) -> bool:
    try:
        call()
    except RegistryError:
        return True
    return False


def test_masters_join_one_after_the_other(masters):
    one, two, three = masters(3)
    one.boot()
    two.joiner.join([one.own.peer_url])
    three.joiner.join([one.own.peer_url, two.own.peer_url])
    one.settled("h1", "h2", "h3")
    assert three.gateway.put("/x", "1")


def test_joining_again_changes_nothing(masters):
    one, two = masters(2)
    one.boot()
    two.joiner.join([one.own.peer_url])
    two.joiner.join([one.own.peer_url])
    assert two.starts == 1
    one.settled("h1", "h2")


def test_masters_that_join_at_once_take_turns(masters):
    one, *others = masters(3)
    one.boot()
    threads = [threading.Thread(target=o.joiner.join, args=([one.own.peer_url],)) for o in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one.settled("h1", "h2", "h3")


def test_a_join_killed_between_adding_and_starting_is_finished(masters):
    one, two = masters(2)
    one.boot()
    one.gateway.learner_add([two.own.peer_url])
    two.joiner.join([one.own.peer_url])
    one.settled("h1", "h2")


def learning(masters: Callable[[int], list[Master]]) -> list[Master]:
    """A master, and one that was killed when it had begun as a learner."""
    one, two = both = masters(2)
    one.boot()
    one.gateway.learner_add([two.own.peer_url])
    two.start(flags.existing(one.gateway.member_list(), two.own))
    wait_for(two.data)
    return both


def test_a_join_killed_before_promoting_is_finished(masters):
    one, two = learning(masters)
    two.joiner.join([one.own.peer_url])
    one.settled("h1", "h2")
    assert two.starts == 1


def test_a_start_by_the_data_finishes_a_join_too(masters):
    one, two = learning(masters)
    two.joiner.resume([one.own.client_url], two.data())
    one.settled("h1", "h2")


def test_another_hosts_unfinished_join_is_finished_for_it(masters):
    one, two, three = masters(3)
    one.boot()
    one.gateway.learner_add([two.own.peer_url])
    two.start(flags.existing(one.gateway.member_list(), two.own))
    wait_for(two.data)
    three.joiner.join([one.own.peer_url])
    one.settled("h1", "h2", "h3")


def test_a_killed_joiners_lock_is_waited_for(masters):
    one, two = masters(2)
    one.boot()
    one.gateway.put("/arpanet/join", "h9", one.gateway.grant(lock.TTL))  # nobody keeps it
    two.joiner.join([one.own.peer_url])
    one.settled("h1", "h2")
    assert "waiting while h9 changes the masters" in two.words


def test_a_lock_that_is_kept_is_not_waited_for_for_ever(masters):
    (one,) = masters(1)
    one.boot()
    with Lock(one.gateway, "/arpanet/join", "h9", Progress(print)) as held:
        with pytest.raises(RegistryError, match="h9 has been changing the masters"):
            Lock(one.gateway, "/arpanet/join", "h2", Progress(print), patience=1).__enter__()
        held.check()
    with Lock(one.gateway, "/arpanet/join", "h2", Progress(print), patience=1):
        pass


def test_a_lock_outlives_a_long_step(masters, monkeypatch):
    """Starting etcd takes longer than the lease: nobody else may come in meanwhile."""
    monkeypatch.setattr(lock, "TTL", 2)
    (one,) = masters(1)
    one.boot()
    with Lock(one.gateway, "/arpanet/join", "h9", Progress(print)) as held:
        with pytest.raises(RegistryError, match="h9 has been changing the masters"):
            Lock(one.gateway, "/arpanet/join", "h2", Progress(print), patience=4).__enter__()
        held.check()


def test_a_lost_lock_is_told(masters, monkeypatch):
    monkeypatch.setattr(lock, "TTL", 2)
    (one,) = masters(1)
    one.boot()
    with Lock(one.gateway, "/arpanet/join", "h9", Progress(print)) as held:
        value = one.gateway.get("/arpanet/join")
        one.gateway.revoke(value.lease)
        with Lock(one.gateway, "/arpanet/join", "h2", Progress(print)):
            wait_for(lambda: refuses(held.check), 5)
    assert refuses(held.check)


def test_a_member_alone_decides_nothing(masters, monkeypatch):
    """A member that was cut off tells what it last knew: what is wiped is not decided by it."""
    one, two, three = masters(3)
    one.boot()
    for other in (two, three):
        other.joiner.join([one.own.peer_url])
    one.settled("h1", "h2", "h3")
    two.cut()
    three.cut()
    assert three.own.peer_url in peer_urls(one)  # its own memory
    with pytest.raises(RegistryUnreachable):
        peers.agreed([one.own.client_url])
    monkeypatch.setattr(leaving, "endpoints", lambda _: [])
    with pytest.raises(
        RegistryError, match=r"would have no majority: h[23], h[23] does not answer"
    ):
        leaving._cluster(SimpleNamespace(settings={}), one.own, None)


def test_a_stale_master_beside_a_living_majority_decides_nothing(masters, monkeypatch, tmp_path):
    """One that was cut off knows nothing of who joined since: no reason to leave a ghost."""
    one, two, three = masters(3)
    one.boot()
    two.joiner.join([one.own.peer_url])
    one.settled("h1", "h2")
    url = f"{one.own.client_url}/v3/cluster/member/list"
    before = urllib3.request("POST", url, json={}, retries=False).data
    three.joiner.join([one.own.peer_url])
    one.settled("h1", "h2", "h3")
    three.stop()

    def stale(path: str) -> tuple[int, bytes]:
        """Answer as a member does without a majority: by its own memory, or not at all."""
        alone = b'{"error": "etcdserver: request timed out", "code": 14}'
        return (200, before) if path.endswith("/member/list") else (503, alone)

    monkeypatch.setattr(leaving, "own", lambda _: three.own)
    monkeypatch.setattr(leaving, "EtcdContainer", lambda *_: three)
    monkeypatch.setattr(leaving.image, "earlier", lambda _: object())
    settings = {ETCD_PATH: "/arpanet", ARPANET_IDENTITY: tmp_path}
    said = {"say": print, "progress": Progress(print)}
    with serving(by_path(stale)) as cut_off:
        monkeypatch.setattr(leaving, "endpoints", lambda _: [cut_off, one.own.client_url])
        assert {m.name for m in Gateway([cut_off]).member_list()} == {"h1", "h2"}
        leaving.leave(SimpleNamespace(engine=None, settings=settings, **said))
    assert one.members() == {"h1": True, "h2": True}
    assert three.data() is None


def test_a_member_whose_data_is_lost_is_replaced(masters):
    one, two, three = masters(3)
    one.boot()
    two.joiner.join([one.own.peer_url])
    three.joiner.join([one.own.peer_url])
    before = {m.name: m.id for m in one.gateway.member_list()}
    three.lose_data()
    three.joiner.join([one.own.peer_url])
    one.settled("h1", "h2", "h3")
    after = {m.name: m.id for m in one.gateway.member_list()}
    assert (before["h2"], before["h3"] != after["h3"]) == (after["h2"], True)


def test_a_removed_member_drops_its_old_data_and_joins_anew(masters):
    one, two = masters(2)
    one.boot()
    two.joiner.join([one.own.peer_url])
    (gone,) = (m.id for m in one.gateway.member_list() if m.name == "h2")
    wait_for(lambda: succeeds(one.gateway.member_remove, gone), 10)
    two.joiner.join([one.own.peer_url])
    one.settled("h1", "h2")
    assert any("dropping its old data" in word for word in two.words)


def test_a_removed_member_is_not_started_by_its_data(masters):
    one, two = masters(2)
    one.boot()
    two.joiner.join([one.own.peer_url])
    (gone,) = (m.id for m in one.gateway.member_list() if m.name == "h2")
    wait_for(lambda: succeeds(one.gateway.member_remove, gone), 10)
    two.stop()
    with pytest.raises(RegistryError, match=f"was removed.*start --peers {one.own.ip}:7001"):
        two.joiner.resume([one.own.client_url], two.data())


def test_all_come_back_after_a_power_cut(masters):
    every = one, two, three = masters(3)
    one.boot()
    two.joiner.join([one.own.peer_url])
    three.joiner.join([one.own.peer_url])
    one.gateway.put("/kept", "1")
    for each in every:
        each.cut()
    threads = [
        threading.Thread(target=each.joiner.join, args=([one.own.peer_url, two.own.peer_url],))
        for each in every
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    three.settled("h1", "h2", "h3")
    assert three.gateway.get("/kept").value == "1"


def test_a_lone_survivor_says_who_is_missing(masters, monkeypatch):
    one, two = masters(2)
    one.boot()
    two.joiner.join([one.own.peer_url])
    one.settled("h1", "h2")
    one.cut()
    two.cut()
    monkeypatch.setattr(health.wait, "__defaults__", (2.0,))
    with pytest.raises(RegistryUnreachable, match="only 1 of 2 masters answer: not h1"):
        two.joiner.resume([one.own.client_url], two.data())
    assert two.running
    assert two.words[-1] == "waiting for a majority of the masters"


def test_other_ports_of_a_member(masters):
    one, two, three = masters(3)
    one.boot()
    two.joiner.join([one.own.peer_url])
    three.joiner.join([one.own.peer_url])
    two.own = Own("h2", two.own.ip, 4002, 7002)
    two.joiner.resume([one.own.client_url], two.data())
    one.settled("h1", "h2", "h3")
    moved = next(m for m in one.gateway.member_list() if m.name == "h2")
    assert (moved.peer_urls, moved.client_urls) == ((two.own.peer_url,), (two.own.client_url,))
    assert two.gateway.put("/x", "1")


def test_other_ports_of_a_lone_member_that_was_stopped(masters):
    (one,) = masters(1)
    one.boot()
    one.stop()
    one.own = Own("h1", one.own.ip, 4002, 7002)
    one.joiner.resume([], one.data())
    assert one.gateway.member_list()[0].peer_urls == (one.own.peer_url,)


def test_a_cluster_with_a_dead_voter_takes_no_new_one_and_says_why(masters, monkeypatch):
    one, two, three, four = masters(4)
    one.boot()
    two.joiner.join([one.own.peer_url])
    three.joiner.join([one.own.peer_url])
    three.cut()
    monkeypatch.setattr("arpanet_etcd.masters.joining.ADDED", 3.0)
    with pytest.raises(RegistryError, match="takes no new master while h3 does not answer"):
        four.joiner.join([one.own.peer_url])
    assert four.starts == 0
    assert set(one.members()) == {"h1", "h2", "h3"}


def test_data_of_another_cluster_is_refused(masters):
    one, two = masters(2)
    one.boot()
    two.boot()
    with pytest.raises(RegistryError, match="data belongs to cluster"):
        two.joiner.join([one.own.peer_url])
    assert two.running
    assert set(one.members()) == {"h1"}


def test_a_second_host_of_the_name_is_refused(masters):
    one, two = masters(2)
    one.boot()
    two.own = Own("h1", two.own.ip, 4001, 7001)
    with pytest.raises(RegistryError, match="HOSTNAME h1 is taken"):
        two.joiner.join([one.own.peer_url])
    assert set(one.members()) == {"h1"}


def test_a_member_that_ends_at_once_is_not_left_in_the_cluster(masters, monkeypatch):
    one, two = masters(2)
    one.boot()

    def fail(_formation):
        raise EngineError("container arpanet_etcd ends at once (exit code 1): no")

    monkeypatch.setattr(two, "start", fail)
    with pytest.raises(EngineError, match="ends at once"):
        two.joiner.join([one.own.peer_url])
    assert one.members() == {"h1": True}


class TestWrongPeers:
    @pytest.fixture
    def host(self, masters) -> Master:
        return masters(1)[0]

    def refused(self, host: Master, peer: str, words: str) -> None:
        began = time.monotonic()
        with pytest.raises(RegistryError, match=words):
            host.joiner.join([peer])
        assert time.monotonic() - began < 5 * SLOW
        assert (host.starts, host.words) == (0, [])

    def test_nobody_there(self, host):
        self.refused(
            host, "http://127.200.0.0:7001", "127.200.0.0:7001 does not answer: conn.* refused"
        )

    def test_no_such_host(self, host):
        self.refused(host, "http://nowhere.invalid:7001", "nowhere.invalid:7001 does not answer")

    def test_silent(self, host):
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            peer = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            self.refused(host, peer, "does not answer: timed out")

    def test_a_client_port(self, host, masters):
        (one,) = masters(1)
        one.boot()
        self.refused(host, one.own.client_url, "no etcd peer; give a master's peer port")
