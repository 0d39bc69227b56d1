"""Which changes of one answer are of one moment, and which key proves the store's history."""

import pytest
from arpanet_etcd.client.position import Witness
from arpanet_etcd.client.wire import Event, Value
from arpanet_etcd.registry.v3.store import moments, newest

BEFORE = Witness("/a", "old", 4)
HOST, ONE, TWO = "/hosts/h1", "/instances/h1/1", "/instances/h1/2"


def put(key, revision):
    return Event(key, Value("new", revision, 0, revision), revision)


def delete(key, revision):
    return Event(key, None, revision)


def test_what_is_deleted_with_a_hosts_word_is_of_its_moment():
    told = [put(ONE, 3), put(HOST, 4), delete(TWO, 4), put(ONE, 5)]
    assert moments(told, "/hosts/") == [told]
    assert moments([], "/hosts/") == [[]]


def test_what_is_deleted_after_a_hosts_word_is_of_another():
    word, by_hand, again = put(HOST, 4), delete(ONE, 5), put(HOST, 6)
    late = delete(TWO, 7)
    assert moments([word, by_hand, again, late], "/hosts/") == [[word], [by_hand, again], [late]]


@pytest.mark.parametrize(
    ("events", "witness"),
    [
        ([], BEFORE),
        ([put("/b", 5), put("/c", 5)], Witness("/c", "new", 5)),
        ([delete("/b", 5)], BEFORE),
        ([delete("/a", 5)], None),  # what is not there any more proves nothing
        ([delete("/a", 5), put("/b", 6)], Witness("/b", "new", 6)),
    ],
)
def test_the_newest_key_that_is_there(events, witness):
    assert newest(BEFORE, events) == witness
