"""Which key proves that a store's history is the one that was followed."""

import pytest
from arpanet_etcd.client.position import Witness
from arpanet_etcd.client.wire import Event, Value
from arpanet_etcd.registry.v3.store import newest

BEFORE = Witness("/a", "old", 4)


def put(key, revision):
    return Event(key, Value("new", revision, 0, revision), revision)


def gone(key, revision):
    return Event(key, None, revision)


@pytest.mark.parametrize(
    ("events", "witness"),
    [
        ([], BEFORE),
        ([put("/b", 5), put("/c", 5)], Witness("/c", "new", 5)),
        ([gone("/b", 5)], BEFORE),
        ([gone("/a", 5)], None),  # what is not there any more proves nothing
        ([gone("/a", 5), put("/b", 6)], Witness("/b", "new", 6)),
    ],
)
def test_the_newest_key_that_is_there(events, witness):
    assert newest(BEFORE, events) == witness
