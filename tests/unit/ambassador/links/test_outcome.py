"""Links that are made when somebody looks: what they are, what differs, what is told of them."""

import json
from dataclasses import replace

import pytest
from arpanet_ambassador.links import outcome, report
from arpanet_ambassador.links.ground import World
from arpanet_ambassador.links.outcome import Links
from arpanet_ambassador.links.packing import Packer
from arpanet_ambassador.links.plan import Planner
from arpanet_ambassador.planes.chain import Carried

from arpanet.codec import decode_links
from tests.unit.ambassador.records import AMBASSADOR, backends, by_id, container, instance

ONE, TWO = instance("redis", "10.0.0.1", 6379), instance("redis", "10.0.0.2", 6379, name="d")
CLIENTS = [
    container(f"web{n:02}", ip=f"172.17.1.{n}", labels={"connect.6379": "redis", "connect.80": "a"})
    for n in range(12)
]
BAD = container("bad", ip="172.17.2.1", labels={"connect.1": "a b", "connect.6379": "redis"})


class Host:
    """Plans one world after another, all of whose links the socket plane carries."""

    def __init__(self):
        self.planner, self.packer, self.carried = Planner(), Packer(), None
        self.world = World(
            containers=by_id(backends(), BAD, *CLIENTS),
            services={"redis": (ONE,)},
            host="here",
            ambassador=AMBASSADOR,
        )

    def links(self, **services):
        plan = self.planner.make(replace(self.world, services=services))
        if self.carried is None:
            keys = [(key, one) for key, client in plan.clients.items() for one in client.links]
            self.carried = Carried(dict.fromkeys(keys, "socket"))
        return Links(plan, self.carried, self.packer)


@pytest.fixture
def host():
    return Host()


def test_they_are_a_sequence(host):
    links = host.links(redis=(ONE,))
    assert len(links) == len([*links]) == 26
    assert links[-1] == [*links][-1] and links[:2] == tuple(links)[:2]
    assert links == tuple(links) and tuple(links) == links
    with pytest.raises(IndexError):
        links[26]


def test_of_a_change_none_is_made_but_what_the_log_shows(host, monkeypatch):
    before, made = host.links(redis=(ONE,)), []
    made_of = outcome._link
    monkeypatch.setattr(outcome, "_link", lambda *about: made.append(1) or made_of(*about))
    assert before.packed
    made.clear()
    after = host.links(redis=(ONE, TWO))
    assert after != before and after == host.links(redis=(ONE, TWO))
    lines = list(report.lines(before, after))
    assert [line.partition("; ")[2] for line in lines] == ["the same for 12 more links"]
    assert "10.0.0.2:6379 (socket)" in lines[0]
    assert after.packed
    assert made == [1]


def test_where_more_is_said_of_a_way_only_its_links_are_made(host, monkeypatch):
    made = []
    assert host.links(redis=(ONE,), a=(TWO,)).packed
    made_of = outcome._link
    monkeypatch.setattr(outcome, "_link", lambda *about: made.append(1) or made_of(*about))
    lost = host.links(redis=(replace(ONE, unconfirmed=True),), a=(TWO,))
    packed = lost.packed
    assert len(made) == 13 < len(lost)
    assert decode_links(f"{{{packed}}}") == tuple(lost)
    assert "unconfirmed: 10.0.0.1:6379" in packed


def test_what_is_packed_is_what_they_are_whatever_changed(host):
    turns = [{"redis": (ONE,)}, {"redis": (ONE, TWO)}, {}, {"redis": (TWO,), "a": (TWO,)}]
    for services in [*turns, *turns[::-1]]:
        links = host.links(**services)
        assert decode_links(f"{{{links.packed}}}") == tuple(links)
    host.carried = Carried()
    links = host.links(redis=(ONE,))
    assert decode_links(f"{{{links.packed}}}") == tuple(links)


def test_the_targets_of_a_service_stand_there_once(host):
    packed = json.loads(f"{{{host.links(redis=(ONE, TWO)).packed}}}")
    assert sum(len(one) for one in packed["targets"]) == 2


def test_other_clients_are_compared_one_by_one(host):
    before = host.links(redis=(ONE,))
    host.world = replace(host.world, containers=by_id(backends(), BAD, *CLIENTS[1:]))
    after = host.links(redis=(ONE,))
    assert after != before
    assert list(report.lines(before, after)) == []
    (line, _) = report.lines(after, before)
    assert line.startswith("web00: localhost:")
