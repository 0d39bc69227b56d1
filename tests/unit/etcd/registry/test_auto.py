"""Which of etcd's APIs is used, over stores that do as they are told."""

import pytest
from arpanet_etcd.client.wire import NotEtcd
from arpanet_etcd.registry.auto import AGAIN, AutoStore
from arpanet_etcd.registry.registry import EtcdRegistry

from arpanet.errors import RegistryError, RegistryUnreachable
from tests.conftest import wait_for
from tests.unit.etcd.registry.stores import GONE, HOST, LAYOUT, ONE, Store, Writer, listing


class Answering(Store):
    def __init__(self, answer):
        self.answer, self.closed, self.checked = answer, False, []

    def listing(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def check(self, host):
        self.checked.append(host)

    def withdraw(self, host):
        self.checked.append(host)

    def writer(self, host, ttl):
        self.made = Writer()
        return self.made

    def close(self):
        self.closed = True


NO = NotEtcd("404 page not found", 12)


def test_auto_takes_the_first_that_answers():
    three, two = Answering(NO), Answering(listing(1, "x"))
    registry = EtcdRegistry(AutoStore([three, two]), LAYOUT)
    assert set(registry.read().instances) == {"x"}
    registry.check(HOST)
    registry.withdraw("h1")
    assert two.checked == [HOST, "h1"]
    running = registry.session(HOST)
    running.publish([ONE])
    wait_for(lambda: running.trouble == "")
    registry.close()
    assert three.closed and two.closed


def test_auto_takes_silence_for_no_answer():
    silent, two = Answering(GONE), Answering(listing(1))
    auto = AutoStore([silent, two])
    with pytest.raises(RegistryUnreachable):
        auto.listing()
    silent.answer = listing(1, "x")
    assert auto.listing() == listing(1, "x")


def test_auto_does_not_stay_with_what_is_worse():
    three, two, now = Answering(NO), Answering(listing(1)), [0.0]
    auto = AutoStore([three, two], lambda: now[0])
    writer = auto.writer(HOST, 15)
    writer.refresh()
    assert two.made.refreshed == 1
    three.answer = listing(1, "x")
    assert auto.listing() == listing(1)
    now[0] += AGAIN
    writer.refresh()
    assert three.made.refreshed == 1
    assert auto.listing() == listing(1, "x")


def test_auto_says_what_the_first_said_when_none_answers():
    with pytest.raises(RegistryError, match="404"):
        AutoStore([Answering(NO), Answering(RegistryError("other"))]).check(HOST)
