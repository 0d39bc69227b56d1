"""What a host's containers come to, made from that of before or from nothing."""

from random import Random

import pytest
from arpanet_ambassador.links import ground
from arpanet_ambassador.links.added import Added
from arpanet_ambassador.links.ground import World
from arpanet_ambassador.links.plan import Planner, make

from tests.unit.ambassador.records import (
    AMBASSADOR,
    backends,
    by_id,
    container,
    instance,
    resolved,
)

REDIS = {"redis": (instance("redis", "10.0.0.1", 6379),)}
#: Each changes what others declare, dial or live in, too.
EVENTS = (
    lambda host: host.add("web", linked=["redis"], env={"BACKEND_6379": "redis"}),
    lambda host: host.add("two", ip="172.17.0.4", labels={"connect.80": "redis"}),
    lambda host: host.add("guest", mode="container:id-web", labels={"connect.80": "redis"}),
    lambda host: host.add("rival", mode="container:id-web", labels={"connect.80": "shop"}),
    lambda host: host.add("named", labels={"connect.cache:80": "redis", "connect.wait": "5s"}),
    lambda host: host.add("odd", labels={"connect.cache:80": "//", "connect.81": "redis"}),
    lambda host: host.add("host", mode="host", labels={"connect.80": "redis"}),
    lambda host: host.add("hosts-guest", mode="container:id-host", labels={"connect.81": "redis"}),
    lambda host: host.add("taker", ip="172.17.0.9"),
    lambda host: host.end("web"),
    lambda host: host.end("host"),
    lambda host: host.end("two"),
    lambda host: host.end(AMBASSADOR),
    lambda host: host.add(AMBASSADOR, ip="172.17.0.2"),
    lambda host: host.add(AMBASSADOR, ip="172.17.0.9"),
    lambda host: host.differs(wait=2.0),
    lambda host: host.differs(masters=frozenset({"10.0.0.9"}), root="/arpanet"),
    lambda host: host.differs(named={"id-web": frozenset({"172.17.0.8"})}),
    lambda host: host.differs(remembered={"id-web": frozenset({"172.17.0.9"})}),
    lambda host: host.differs(added={"id-two": (Added("id-two", 90, "tcp", "redis", 0.0),)}),
    lambda host: host.differs(namespaces={"id-web": "net:[1]", "id-guest": "net:[1]"}),
    lambda host: host.differs(namespaces={"id-guest": "net:[1]"}),
)


class Host:
    """A host's containers, and all else that a plan is made from."""

    def __init__(self):
        self.containers, self.more = by_id(backends()), {}

    def add(self, name, **more):
        self.containers = {**self.containers, f"id-{name}": container(name, **more)}

    def end(self, name):
        self.containers = {k: one for k, one in self.containers.items() if one.name != name}

    def differs(self, **more):
        self.more |= more

    @property
    def world(self):
        return World(
            containers=self.containers,
            services=REDIS,
            host="here",
            ambassador=AMBASSADOR,
            **self.more,
        )


@pytest.mark.parametrize("seed", range(20))
def test_a_plan_is_what_it_would_be_if_it_were_made_from_nothing(seed):
    """Whatever happens on a host, in whatever order: what is kept of before is not seen in it."""
    planner, host, chance = Planner(), Host(), Random(seed)  # noqa: S311
    for _ in range(60):
        chance.choice(EVENTS)(host)
        found, anew = planner.make(host.world), make(host.world)
        assert found.ground == anew.ground
        assert [*found.clients] == [*anew.clients]
        assert found.pools == anew.pools
        assert resolved(found) == resolved(anew)


def test_what_one_container_touches_is_made_anew_alone(monkeypatch):
    planner, host, made = Planner(), Host(), []
    one = ground.of
    monkeypatch.setattr(ground, "of", lambda key, *given: made.append(key) or one(key, *given))
    for number in range(20):
        host.add(f"app{number}", labels={"connect.80": "redis"})
    before = planner.make(host.world)
    made.clear()
    host.add("web", linked=["redis"], env={"BACKEND_6379": "redis"})
    after = planner.make(host.world)
    assert made == ["id-web"]
    assert all(after.clients[key] is client for key, client in before.clients.items())


def test_a_guest_whose_home_was_started_again_lives_on_in_the_former_namespace():
    home = container("home", ip="172.17.0.4", labels={"connect.80": "redis"}, pid=9)
    guest = container("guest", mode="container:id-home", labels={"connect.81": "redis"})
    host = Host()
    host.containers |= by_id(home, guest)
    host.add("web", linked=["redis"], env={"BACKEND_6379": "redis"})
    host.differs(namespaces={"id-home": "net:[2]", "id-guest": "net:[1]"})
    made = make(host.world)
    homes = {key: client.home.container for key, client in made.clients.items()}
    assert homes == {"net:[1]": "id-guest", "net:[2]": "id-home", "id-web": "id-web"}
    assert [one.error for one in resolved(made)] == ["", "", ""]
