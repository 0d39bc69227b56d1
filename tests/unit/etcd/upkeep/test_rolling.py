"""How masters are asked, and what is made of their answers."""

import pytest
from arpanet_etcd.masters.image import Image
from arpanet_etcd.upkeep.rolling import DONE, TAKEN, Asking
from arpanet_etcd.upkeep.wishes import EXCHANGE, FETCH, Wish, Wishes

from arpanet.errors import ArpanetError, RegistryUnreachable
from arpanet.progress import Progress
from arpanet.vault import MemoryVault

NEW = Image("etcd:b", (3, 5, 30))


class Time:
    """Passes only while somebody sleeps; what is to happen, happens meanwhile."""

    def __init__(self):
        self.now = 0.0
        self.then = []

    def sleep(self, seconds):
        self.now += seconds
        if self.then:
            self.then.pop(0)()


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def wishes(time):
    return Wishes(MemoryVault(lambda: time.now))


@pytest.fixture
def asking(wishes, time):
    return Asking(wishes, "c1", NEW, Progress(lambda _: None), lambda: time.now, time.sleep)


def test_it_waits_for_the_answer(asking, wishes, time):
    wish = asking.ask("h1", FETCH)
    assert (wishes.of("h1").image, wishes.of("h1").version) == ("etcd:b", "3.5.30")
    time.then = [
        lambda: wishes.change("h1", wish, "taken"),
        lambda: wishes.change("h1", wish, "done", "what is to be known"),
    ]
    assert asking.answer("h1", wish) == "what is to be known"


def test_why_it_failed_is_said_with_the_hosts_name(asking, wishes, time):
    wish = asking.ask("h1", EXCHANGE)
    time.then = [lambda: wishes.change("h1", wish, "failed", "not well", "leave the others")]
    with pytest.raises(ArpanetError, match="h1: not well; leave the others"):
        asking.answer("h1", wish)


def test_a_wish_that_nobody_takes_is_withdrawn(asking, wishes, time):
    wish = asking.ask("h1", EXCHANGE)
    with pytest.raises(ArpanetError, match="the agent of h1's master does not take"):
        asking.answer("h1", wish)
    assert TAKEN <= time.now < TAKEN + 1
    assert wishes.of("h1") is None


def test_one_that_is_never_done_is_given_up(asking, wishes, time):
    wish = asking.ask("h1", EXCHANGE)
    time.then = [lambda: wishes.change("h1", wish, "taken")]
    with pytest.raises(ArpanetError, match="h1 has not done it in 15 minutes"):
        asking.answer("h1", wish)
    assert time.now >= DONE


def test_what_was_asked_before_is_waited_for(asking, wishes, time):
    before = Wish("1", "c1", EXCHANGE, "etcd:b", "3.5.30")
    wishes.ask("h1", before)
    wishes.change("h1", before, "taken")
    time.then = [lambda: None, lambda: wishes.change("h1", before, "failed", "of before")]
    wish = asking.ask("h1", EXCHANGE)
    assert time.then == []
    assert wishes.of("h1") == wish


def test_what_a_former_cluster_was_asked_is_not_waited_for(asking, wishes, time):
    before = Wish("1", "c0", EXCHANGE, "etcd:b", "3.5.30")
    wishes.ask("h1", before)
    wishes.change("h1", before, "taken")
    asking.ask("h1", EXCHANGE)
    assert time.now == 0.0


def test_a_master_that_is_silent_meanwhile_is_asked_again(asking, wishes, time, monkeypatch):
    wish = asking.ask("h1", EXCHANGE)
    wishes.change("h1", wish, "done")
    answers = [RegistryUnreachable("no master answers"), wishes.of("h1")]

    def of(host):
        now = answers.pop(0)
        if isinstance(now, Exception):
            raise now
        return now

    monkeypatch.setattr(wishes, "of", of)
    assert asking.answer("h1", wish) == ""
    assert answers == []
