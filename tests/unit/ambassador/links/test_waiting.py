"""Links that wait for their first instance: what is declared, where they are held, what is said."""

import pytest
from arpanet_ambassador.links.outcome import Outcome
from arpanet_ambassador.links.plan import Plan, World, make
from arpanet_ambassador.links.waiting import seconds
from arpanet_ambassador.planes.chain import NOBODY_HOLDS, Carried
from arpanet_ambassador.planes.plane import LOOPBACK, Frontend, Held

from arpanet.records import Target
from tests.unit.ambassador.records import AMBASSADOR, backends, by_id, container, instance

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
    keys = [(one.declared.namespace, f) for one in made.resolved for f in one.frontends]
    places = {("id-web", Frontend(HERE, int(port[1:]))): why for port, why in unheld.items()}
    return [
        one.note
        for one in Outcome().links(made, Carried(dict.fromkeys(keys, "socket"), {}, places))
    ]


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
    odd, good = sorted(Outcome().links(made, Carried()), key=lambda one: one.port)
    assert odd.error.startswith(f"the label connect.wait={text} is no time to wait: write ")
    assert (odd.dials, good.targets[0].ip) == ("connect.wait", "10.0.0.1")
    assert made.clients["id-web"].held == {}


def test_a_label_is_held_at_the_ambassador_while_there_is_no_instance() -> None:
    web = container("web", labels={"connect.6379": "redis", **WAIT})
    place, dialled = Frontend(HERE, 6379), Frontend(LOOPBACK, 6379)
    named = Frontend("127.77.0.1", 6379)
    empty, full = plan(web).clients["id-web"], plan(web, redis=REDIS).clients["id-web"]
    assert empty.held == {place: Held(30.0)} and set(empty.links) >= {dialled}
    assert set(empty.links.values()) == {(Target(HERE, 6379),)}
    (target,) = full.links[dialled]
    assert full.held == {place: Held(30.0, (target,))} and target.ip == "10.0.0.1"
    assert empty.sources[dialled] != full.sources[dialled], "others that see redis don't wait"
    assert named not in empty.held
    assert notes(plan(web)) == ["a dial waits up to 30 s for the first instance"]
    assert notes(plan(web, redis=REDIS)) == [""]


def test_a_link_is_held_where_it_dials() -> None:
    web = container("web", linked=["redis"], env={"BACKEND_6379": "redis"}, labels=WAIT)
    place = Frontend(HERE, 6379)
    client = plan(web).clients["id-web"]
    assert (client.links, client.held) == ({place: (Target(HERE, 6379),)}, {place: Held(30.0)})


def test_one_place_is_for_one_link() -> None:
    labels = {"connect.a:6379": "one", "connect.b:6379": "two", **WAIT}
    made = plan(container("web", labels=labels))
    assert list(made.clients["id-web"].held) == [Frontend(HERE, 6379)]
    said = notes(made)
    assert said[0].startswith("a dial waits") and "has another link on this port" in said[1]
    assert set(made.clients["id-web"].links.values()) == {(Target(HERE, 6379),), ()}


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
    assert quiet.clients["id-web"].held == {place: Held(20.0)}
    assert notes(quiet) == ["", "a dial waits up to 20 s for the first instance"]
    other = container("web", labels={**labels, "connect.wait": "30s"})
    assert plan(other, wait=20.0).clients["id-web"].held == {place: Held(30.0)}
    none = container("web", labels={**labels, "connect.wait": "0s"})
    assert plan(none, wait=20.0).clients["id-web"].held == {}
