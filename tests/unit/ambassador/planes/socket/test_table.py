"""Clients and what they dial -> the table."""

import pytest
from arpanet_ambassador.planes.socket.layout import MAPS, MOST_TARGETS, Dialled
from arpanet_ambassador.planes.socket.table import MOST_LINKS, choose, fitting

REDIS = (("10.0.0.2", 6379), ("10.0.0.1", 6379))


def links(space, *ports):
    return {Dialled(space, "127.0.0.0", port): "redis" for port in ports}


def test_golden():
    """Two clients, one service, both forms."""
    clients = {
        12: {**links(12, 6379), Dialled(12, "127.77.0.1", 6379): "redis"},
        11: {Dialled(11, "172.17.0.2", 6379): "redis", Dialled(11, "127.0.0.0", 53, "udp"): "dns"},
    }
    table, troubles = fitting(clients)
    assert (table, troubles) == (clients, {})
    assert all(table[space] is clients[space] for space in clients)
    assert choose(REDIS, "1") == (("10.0.0.1", 6379), ("10.0.0.2", 6379))


def test_a_client_without_links_is_a_client():
    """Its flows are observed."""
    assert fitting({11: {}}) == ({11: {}}, {})


def test_a_client_has_a_thousand_links_and_others_have_theirs():
    greedy, modest = links(1, *range(1, MOST_LINKS + 3)), links(2, 6379)
    table, troubles = fitting({1: greedy, 2: modest})
    assert {len(one) for one in table.values()} == {MOST_LINKS, 1}
    assert set(troubles) == set(links(1, MOST_LINKS + 1, MOST_LINKS + 2))
    assert set(troubles.values()) == {
        "a container can have 1000 links on the socket plane, and this has more"
    }


def test_all_clients_of_a_host_have_no_more_links_than_the_map_takes():
    most = MAPS["links"].entries
    spaces = range(1, most // MOST_LINKS + 2)
    clients = {space: links(space, *range(1, MOST_LINKS + 1)) for space in spaces}
    table, troubles = fitting(clients)
    assert sum(map(len, table.values())) == most
    assert len(troubles) == len(clients) * MOST_LINKS - most
    assert set(troubles.values()) == {
        "the socket plane carries 65536 links of one host, and has them"
    }


@pytest.fixture
def many():
    return [(f"10.0.{number // 256}.{number % 256}", 80) for number in range(3 * MOST_TARGETS)]


def test_of_too_many_targets_hosts_choose_different_ones(many):
    chosen = [set(choose(many, seed)) for seed in ("1", "2", "3", "4")]
    assert {len(one) for one in chosen} == {MOST_TARGETS}
    assert len(chosen[0] & chosen[1]) < MOST_TARGETS * 2 / 3
    assert len(set.union(*chosen)) > 2 * MOST_TARGETS


def test_one_that_goes_changes_the_choice_by_one(many):
    before = set(choose(many, "1"))
    gone = min(before)
    after = set(choose([one for one in many if one != gone], "1"))
    assert len(before - after) == len(after - before) == 1


def test_the_order_of_targets_does_not_matter(many):
    assert choose(many, "1") == choose(many[::-1], "1")
    assert choose(REDIS, "1") == choose(REDIS[::-1], "1")
