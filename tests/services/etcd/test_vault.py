"""The vault over etcd: what any vault promises, and what becomes of a change without an answer."""

import queue

import pytest
from arpanet_etcd.client.wire import Unanswered
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.vault import open_vault

from arpanet import ABSENT
from arpanet.errors import RegistryError
from arpanet.testing.vault import VaultContract


@pytest.fixture
def opened(one_etcd, layout):
    found = []

    def one():
        found.append(open_vault(one_etcd.endpoints, layout.root.rstrip("/")))
        return found[-1]

    yield one
    for vault in found:
        vault.close()


@pytest.fixture
def vault(opened):
    return opened()


class TestV3(VaultContract):
    @pytest.fixture
    def vault(self, vault):
        return vault

    @pytest.fixture
    def other(self, opened):
        return opened()


def test_masters_alone_see_what_is_outside_of_what_readers_read(vault, one_etcd, layout):
    vault.write("tokens/a", "secret")
    vault.write("public/hosts/h1", "{}")
    first, end = Layout(layout.root.rstrip("/"), foreign=True).span
    found = one_etcd.gateway.span(first, end).kvs
    assert list(found) == [f"{layout.root}identity/public/hosts/h1"]


class Lossy:
    """A gateway whose answers to transactions get lost: each as *applied* says, or not at all."""

    def __init__(self, gateway, applied, meanwhile=lambda: None):
        self._gateway, self._applied, self._meanwhile = gateway, list(applied), meanwhile
        self.sent = 0

    def __getattr__(self, name):
        return getattr(self._gateway, name)

    def txn(self, *parts):
        self.sent += 1
        if not self._applied:
            return self._gateway.txn(*parts)
        if self._applied.pop(0):
            self._gateway.txn(*parts)
        self._meanwhile()
        raise Unanswered("cut")


@pytest.fixture
def losing(vault, monkeypatch):
    def begin(*applied, **given):
        lossy = Lossy(vault._gateway, applied, **given)
        monkeypatch.setattr(vault, "_gateway", lossy)
        return lossy

    return begin


def test_what_was_done_and_not_answered_was_done(vault, losing):
    lossy = losing(True, True, True)
    assert vault.write("a", "1", ABSENT)
    assert vault.write("a", "2", vault.read("a").version, ttl=60)
    assert vault.delete("a")
    assert vault.read("a") is None
    assert lossy.sent == 3


def test_what_was_not_done_is_done_once_more(vault, losing):
    lossy = losing(False, False)
    assert vault.write("a", "1", ABSENT)
    assert vault.read("a").value == "1"
    assert lossy.sent == 3


def test_what_another_did_meanwhile_stands(vault, opened, losing):
    other = opened()
    losing(False, meanwhile=lambda: other.write("a", "another's"))
    assert not vault.write("a", "mine", ABSENT)
    assert vault.read("a").value == "another's"


def test_one_that_never_gets_an_answer_says_so(vault, losing):
    losing(*[False] * 9)
    with pytest.raises(RegistryError, match="don't say"):
        vault.write("a", "1", ABSENT)


def test_of_instances_and_hosts_nothing_is_told_and_what_breaks_is_made_anew(
    vault, opened, one_etcd, layout
):
    told = queue.SimpleQueue()
    hearing = opened().follow(lambda: told.put(None))
    told.get(timeout=10)
    one_etcd.gateway.put(layout.host("h1"), "{}")
    vault.write("tokens/a", "1")
    told.get(timeout=10)
    assert told.empty()  # they come in the order in which they were written
    hearing._watch._hang_up()
    told.get(timeout=10)  # nothing is heard
    told.get(timeout=10)  # it is again
    vault.delete("tokens/a")
    told.get(timeout=10)
    hearing.close()
    vault.write("tokens/a", "2")
    with pytest.raises(queue.Empty):
        told.get(timeout=0.5)
