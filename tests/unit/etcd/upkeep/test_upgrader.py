"""What a master's agent does of what it is asked, and what it says of it."""

import json

import pytest
from arpanet_etcd.upkeep import upgrader
from arpanet_etcd.upkeep.upgrader import Upgrader, repository
from arpanet_etcd.upkeep.wishes import EXCHANGE, FETCH, Wish, Wishes

from arpanet.errors import ArpanetError, EngineError, RegistryUnreachable
from arpanet.vault import MemoryVault
from tests.conftest import wait_for

FETCHING = Wish("1", "c1", FETCH, "etcd:b", "3.5.30")
RUNNING = Wish("2", "c1", EXCHANGE, "etcd:b", "3.5.30")


class Master:
    """One whose deeds are written down; one of them may fail."""

    def __init__(self, vault=None):
        self.vault = vault or MemoryVault()
        self.wishes = Wishes(self.vault)
        self.did = []
        self.problem = None
        self.upgrader = Upgrader(
            "h1",
            self.wishes,
            lambda: "c1",
            {FETCH: lambda wish: self.do("fetch", wish), EXCHANGE: lambda w: self.do("run", w)},
            lambda: self.did.append("finish"),
        )

    def do(self, deed, wish):
        assert self.wishes.of("h1").state == "taken"
        self.did.append(f"{deed} {wish.image}")
        if self.problem:
            raise self.problem
        return "what is to be known"

    def asked(self, wish):
        self.wishes.ask("h1", wish)
        self.upgrader.look()
        return self.wishes.of("h1")


@pytest.mark.parametrize(("wish", "deed"), [(FETCHING, "fetch etcd:b"), (RUNNING, "run etcd:b")])
def test_what_is_asked_is_done_once(wish, deed):
    master = Master()
    said = master.asked(wish)
    assert (said.number, said.state, said.words) == (wish.number, "done", "what is to be known")
    master.upgrader.look()
    assert master.did == [deed, "finish"]


def test_why_it_failed_is_said():
    master = Master()
    master.problem = EngineError("not well; the one of before runs again", "leave the others")
    said = master.asked(RUNNING)
    assert (said.state, said.words, said.hint) == (
        *("failed", "not well; the one of before runs again", "leave the others"),
    )


def test_one_of_an_agent_that_was_killed_is_gone_on_with():
    master = Master()
    master.wishes.ask("h1", RUNNING)
    master.wishes.change("h1", RUNNING, "taken")
    master.upgrader.look()
    assert master.did == ["run etcd:b"]
    assert master.wishes.of("h1").state == "done"


def test_one_of_a_cluster_that_was_is_not_done():
    master = Master()
    said = master.asked(Wish("1", "c0", EXCHANGE, "etcd:b", "3.5.30"))
    assert (said.state, said.words) == ("failed", "it was for another cluster")
    assert master.did == []


def test_without_a_wish_what_was_killed_is_finished():
    master = Master()
    master.upgrader.look()
    assert master.did == ["finish"]


class Silent(MemoryVault):
    """One that answers nobody while it is down."""

    down = False

    def read(self, name):
        if self.down:
            raise RegistryUnreachable("no master answers")
        return super().read(name)


def test_what_was_killed_is_finished_also_where_no_master_answers():
    master = Master(vault := Silent())
    vault.down = True
    master.upgrader.look()
    assert master.did == ["finish"]


def test_what_became_of_it_is_said_once_a_master_answers():
    master = Master(vault := Silent())
    master.wishes.ask("h1", RUNNING)
    do = master.do

    def and_end(deed, wish):
        do(deed, wish)
        vault.down = True
        return ""

    master.do = and_end
    with pytest.raises(RegistryUnreachable):
        master.upgrader.look()
    vault.down = False
    master.upgrader.look()
    assert master.wishes.of("h1").state == "done"
    assert master.did == ["run etcd:b"]


@pytest.mark.parametrize("text", ["", "[]", json.dumps({"number": "1", "more": 1})])
def test_a_wish_that_makes_no_sense_is_none(text):
    master = Master()
    master.vault.write("upgrade/h1", text)
    master.upgrader.look()
    assert master.did == ["finish"]


def test_what_is_asked_anew_meanwhile_is_not_taken_for_done():
    master = Master()
    master.wishes.ask("h1", FETCHING)
    master.wishes.ask("h1", RUNNING)
    assert not master.wishes.change("h1", FETCHING, "done")
    assert master.wishes.of("h1") == RUNNING


def test_a_wish_that_is_no_step_fails_loudly():
    with pytest.raises(KeyError):
        Master().asked(Wish("1", "c1", "dance", "etcd:b", "3.5.30"))


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("quay.io/coreos/etcd:v3.6.14", "quay.io/coreos/etcd"),
        ("etcd", "etcd"),
        ("registry:5000/etcd", "registry:5000/etcd"),
        ("registry:5000/etcd:1@sha256:ab", "registry:5000/etcd"),
        ("etcd@sha256:ab", "etcd"),
    ],
)
def test_where_an_image_is_from(tag, name):
    assert repository(tag) == name


def test_an_error_without_a_hint_has_none():
    master = Master()
    master.problem = ArpanetError("no")
    assert master.asked(RUNNING).hint == ""


@pytest.fixture
def begun(monkeypatch):
    """Begin; it asks only where it heard something, or nobody answered."""
    monkeypatch.setattr(upgrader, "EVERY", 0.001)
    monkeypatch.setattr(upgrader, "LOOK", float("inf"))
    running = []

    def begin(vault):
        master = Master(vault)
        running.append(master.upgrader)
        master.upgrader.start()
        wait_for(lambda: len(master.did) > 2)
        return master

    yield begin
    for one in running:
        one.close()


def test_it_hears_of_a_wish_and_looks_for_what_was_killed_meanwhile(begun):
    master = begun(vault := Counting())
    asked = vault.asked
    wait_for(lambda: len(master.did) > 5)
    assert set(master.did) == {"finish"}
    assert vault.asked == asked
    master.wishes.ask("h1", FETCHING)
    wait_for(lambda: not master.wishes.of("h1").open)
    assert "fetch etcd:b" in master.did


def test_of_what_it_heard_it_asks_until_a_master_answers(begun):
    master = begun(vault := Silent())
    vault.down = True
    master.wishes.ask("h1", FETCHING)
    before = len(master.did)
    wait_for(lambda: len(master.did) > before + 3)
    vault.down = False
    wait_for(lambda: not master.wishes.of("h1").open)


class Counting(MemoryVault):
    asked = 0

    def read(self, name):
        self.asked += 1
        return super().read(name)
