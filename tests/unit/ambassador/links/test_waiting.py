"""Links that wait for their first instance: what is declared, where they are held, what is said."""

import pytest
from arpanet_ambassador.links.ground import World
from arpanet_ambassador.links.outcome import Links
from arpanet_ambassador.links.plan import Plan, make
from arpanet_ambassador.links.waiting import seconds
from arpanet_ambassador.planes.chain import NOBODY_HOLDS, Carried
from arpanet_ambassador.planes.plane import LOOPBACK, Frontend, Held

from arpanet.records import Target
from tests.unit.ambassador.records import AMBASSADOR, backends, by_id, container, instance, leads

HERE = "172.17.0.2"
REDIS = (instance("redis", "10.0.0.1", 6379),)
WAIT = {"connect.wait": "30s"}


def plan(*containers, wait: float = 0.0, **services) -> Plan:
    everything = by_id(backends(), *containers)
    return make(
        World(
            containers=everything,
            services=services,
            host="here",
            ambassador=AMBASSADOR,
            wait=wait,
        )
    )


def notes(made: Plan, **unheld: str) -> list[str]:
    """Return what links say, where a plane carries them all."""
    keys = [(key, one) for key, client in made.clients.items() for one in client.links]
    places = {("id-web", Frontend(HERE, int(port[1:]))): why for port, why in unheld.items()}
    return [one.note for one in Links(made, Carried(dict.fromkeys(keys, "socket"), {}, places))]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [("30s", 30.0), ("500ms", 0.5), ("1.5m", 90.0), (" 10m ", 600.0), ("0s", 0.0)],
)
def test_a_time_to_wait(text: str, meaning: float) -> None:
    assert seconds(container("web", labels={"connect.wait": text})) == meaning
    assert seconds(container("web")) == 0.0


@pytest.mark.parametrize("text", ["", "30", "-1s", "11m", "for ever", "1h", "\u0663s"])
def test_what_is_none_is_told_and_the_links_work_on(text: str) -> None:
    made = plan(
        container("web", labels={"connect.6379": "redis", "connect.wait": text}), redis=REDIS
    )
    odd, good = sorted(Links(made, Carried()), key=lambda one: one.port)
    assert odd.error.startswith(f"the label connect.wait={text} is no time to wait: write ")
    assert (odd.dials, good.targets[0].ip) == ("connect.wait", "10.0.0.1")
    assert made.clients["id-web"].held == {}


def test_a_label_is_held_at_the_ambassador_while_there_is_no_instance() -> None:
    web = container("web", labels={"connect.6379": "redis", **WAIT})
    place, dialled = Frontend(HERE, 6379), Frontend(LOOPBACK, 6379)
    named = Frontend("127.77.0.1", 6379)
    empty, full = plan(web), plan(web, redis=REDIS)
    client = empty.clients["id-web"]
    (held,) = client.held.values()
    assert client.held == {place: Held(30.0, held.pool)} and dialled in client.links
    assert set(leads(empty).values()) == {(Target(HERE, 6379),)}
    assert full.clients == empty.clients, "only where it leads differs"
    assert [one.ip for one in leads(full)[dialled]] == ["10.0.0.1"]
    assert (empty.pools[held.pool], full.pools[held.pool]) == ((), leads(full)[dialled])
    assert client.links[dialled] != held.pool, "others that see redis don't wait"
    assert named not in client.held
    assert notes(plan(web)) == ["a dial waits up to 30 s for the first instance"]
    assert notes(plan(web, redis=REDIS)) == [""]


def test_two_that_wait_for_one_service_are_held_where_each_dials() -> None:
    """The pools of two places were one."""
    one = container("web", labels={"connect.6379": "redis", **WAIT})
    two = container("app", ip="172.17.0.4", labels={"connect.6380": "redis", **WAIT})
    made = plan(one, two)
    for key, port in (("id-web", 6379), ("id-app", 6380)):
        assert leads(made, key)[Frontend(LOOPBACK, port)] == (Target(HERE, port),)


def test_a_link_is_held_where_it_dials() -> None:
    web = container("web", linked=["redis"], env={"BACKEND_6379": "redis"}, labels=WAIT)
    place = Frontend(HERE, 6379)
    made = plan(web)
    assert leads(made) == {place: (Target(HERE, 6379),)}
    assert list(made.clients["id-web"].held) == [place]


def test_one_place_is_for_one_link() -> None:
    labels = {"connect.a:6379": "one", "connect.b:6379": "two", **WAIT}
    made = plan(container("web", labels=labels))
    assert list(made.clients["id-web"].held) == [Frontend(HERE, 6379)]
    said = notes(made)
    assert said[0].startswith("a dial waits") and "has another link on this port" in said[1]
    assert set(leads(made).values()) == {(Target(HERE, 6379),), ()}


def test_why_one_can_not_wait() -> None:
    far = container(
        "web", network="private", ip="10.9.0.3", labels={"connect.6379": "redis", **WAIT}
    )
    assert "shares no network with the ambassador" in notes(plan(far))[0]
    udp = container("web", labels={"connect.53/udp": "dns", **WAIT})
    assert notes(plan(udp)) == ["connect.wait does nothing for UDP"]
    web = container("web", labels={"connect.6379": "redis", **WAIT})
    assert notes(plan(web), p6379=NOBODY_HOLDS) == [f"connect.wait can't be kept: {NOBODY_HOLDS}"]


def test_a_setting_holds_for_all_who_do_not_say() -> None:
    labels = {"connect.6379": "redis", "connect.53/udp": "dns"}
    place = Frontend(HERE, 6379)
    quiet = plan(container("web", labels=labels), wait=20.0)
    assert quiet.clients["id-web"].held[place].wait == 20.0
    assert notes(quiet) == ["", "a dial waits up to 20 s for the first instance"]
    other = container("web", labels={**labels, "connect.wait": "30s"})
    assert plan(other, wait=20.0).clients["id-web"].held[place].wait == 30.0
    none = container("web", labels={**labels, "connect.wait": "0s"})
    assert plan(none, wait=20.0).clients["id-web"].held == {}
