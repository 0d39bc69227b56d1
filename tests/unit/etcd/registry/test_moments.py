"""Which changes of one answer are of one moment."""

from arpanet_etcd.client.wire import Event, Value
from arpanet_etcd.registry.v3.store import moments

HOST, ONE, TWO = "/hosts/h1", "/instances/h1/1", "/instances/h1/2"


def put(key, revision):
    return Event(key, Value("x", revision, 0, 0), revision)


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
