"""What :mod:`arpanet.registry` promises, as tests that any registry can be held to.

In a test module of yours::

    from arpanet.testing.registry import RegistryContract


    class TestMine(RegistryContract):
        @pytest.fixture
        def registry(self):
            yield ...  # empty, and closed after the test
"""

from collections.abc import Iterable
from itertools import pairwise

import pytest

from arpanet.errors import RegistryError
from arpanet.records import Host, Instance, Snapshot
from arpanet.registry import TTL, Follower, Registry
from arpanet.testing.waiting import wait_for

__all__ = ["RegistryContract"]

H1 = Host("h1", "10.0.0.1", "engine-1", ("slave",), "1.0", 1000.5)
H2 = Host("h2", "10.0.0.2", "engine-2")
TWIN = Host("h1", "10.0.0.7", "engine-7")
REDIS = Instance(
    "h1:r0:6379",
    ("redis", "cache", "weird name/%2F?#é", "_hidden", ".."),
    "h1",
    "10.0.0.1",
    10000,
    "tcp",
    "c" * 64,
    ("master", "a,b"),
    {"weight": "5"},
    "healthy",
    {"bridge": "172.17.0.2:6379"},
    1704067200.5,
)
DNS = Instance("h1:d0:53:udp", ("dns",), "h1", "fd00::1", 53, "udp")
#: Reachable on its own host only.
PRIVATE = Instance("h1:p0:80", ("priv",), "h1", "", 80, local={"bridge": "172.17.0.9:80"})
WEB = Instance("h2:w0:80", ("web",), "h2", "10.0.0.2", 8080)


class RegistryContract:
    """Subclass it, with a fixture ``registry``; pytest finds the tests in your class.

    :cvar patience: seconds within which a change is to be seen.
    :cvar ttl: seconds within which another leads, after a leader has gone.
    """

    patience: float = 5.0
    ttl: float = TTL

    @pytest.fixture
    def other(self, registry: Registry) -> Registry:
        """The same registry, as another host opens it; replace it where that is another object."""
        return registry

    def settles(self, registry: Registry, *instances: Instance) -> None:
        """Wait until *instances* are all there are."""
        expected = {one.id: one for one in instances}
        wait_for(lambda: registry.read().instances == expected, self.patience)

    def test_an_empty_one_is_read_as_such(self, registry: Registry) -> None:
        assert registry.read() == Snapshot()

    def test_a_session_holds_exactly_what_was_last_published(
        self, registry: Registry, other: Registry
    ) -> None:
        one, two = registry.session(H1), other.session(H2)
        one.publish([REDIS, DNS])
        two.publish(iter([WEB]))
        self.settles(registry, REDIS, DNS, WEB)
        expected = Snapshot({REDIS.id: REDIS, DNS.id: DNS, WEB.id: WEB}, {"h1": H1, "h2": H2})
        wait_for(lambda: registry.read() == expected, self.patience)
        one.publish([DNS, PRIVATE])
        self.settles(other, DNS, PRIVATE, WEB)
        one.publish(())
        self.settles(registry, WEB)
        wait_for(lambda: one.trouble == two.trouble == "", self.patience)
        assert one.refused == {}
        two.close()
        assert set(registry.read().instances) == {WEB.id}

    def test_a_session_that_is_closed_has_written_what_was_published_last(
        self, registry: Registry, other: Registry
    ) -> None:
        session = registry.session(H1)
        session.publish([REDIS, DNS])
        self.settles(registry, REDIS, DNS)
        session.publish([DNS])
        session.close()
        assert set(other.read().instances) == {DNS.id}

    def test_services_are_listed_under_all_their_names(self, registry: Registry) -> None:
        registry.session(H1).publish([REDIS])
        self.settles(registry, REDIS)
        assert set(registry.read().services()) == set(REDIS.services)

    def test_a_follower_hears_the_state_now_and_then_every_difference(
        self, registry: Registry, other: Registry
    ) -> None:
        heard: list[Snapshot] = []

        def hears(*instances: Instance) -> None:
            ids = {one.id for one in instances}
            wait_for(lambda: heard and set(heard[-1].instances) == ids, self.patience)

        session = registry.session(H1)
        session.publish([REDIS])
        self.settles(registry, REDIS)
        follower = other.follow(heard.append)
        hears(REDIS)
        for published in ([REDIS, DNS], [DNS]):
            session.publish(published)
            hears(*published)
        assert heard[-1] == registry.read()
        assert all(one != following for one, following in pairwise(heard))
        assert follower.trouble == ""
        follower.close()
        count = len(heard)
        session.publish([])
        self.settles(registry)
        assert len(heard) == count

    def test_a_follower_may_close_itself_and_the_registry_first(self, registry: Registry) -> None:
        heard: list[Snapshot] = []
        followers: list[Follower] = []

        def once(snapshot: Snapshot) -> None:
            heard.append(snapshot)
            for one in followers:
                one.close()

        session = registry.session(H1)
        followers.append(registry.follow(once))
        session.publish([REDIS])
        wait_for(lambda: heard, self.patience)
        registry.close()
        followers[0].close()

    def test_a_second_host_of_one_name_is_refused(
        self, registry: Registry, other: Registry
    ) -> None:
        registry.session(H1).publish([REDIS])
        self.settles(registry, REDIS)
        with pytest.raises(RegistryError, match=r"HOSTNAME h1 is taken by the host at 10\.0\.0\.1"):
            other.check(TWIN)
        second = other.session(TWIN)
        wait_for(lambda: "is taken by" in second.trouble, self.patience)
        second.publish([WEB])
        assert registry.read() == Snapshot({REDIS.id: REDIS}, {"h1": H1})
        registry.check(H1)
        registry.check(H2)

    def test_withdraw_removes_a_host_and_its_entries(
        self, registry: Registry, other: Registry
    ) -> None:
        one, two = registry.session(H1), other.session(H2)
        one.publish([REDIS, DNS])
        two.publish([WEB])
        self.settles(registry, REDIS, DNS, WEB)
        one.close()
        registry.withdraw("h1")
        assert registry.read() == Snapshot({WEB.id: WEB}, {"h2": H2})
        registry.withdraw("h1")
        registry.withdraw("never-was")
        registry.check(TWIN)

    def test_one_leads_and_when_it_goes_another_does(
        self, registry: Registry, other: Registry
    ) -> None:
        candidates = [registry.leader("weird name/%"), other.leader("weird name/%")]
        elsewhere = other.leader("elsewhere")

        def leading(among: Iterable[int]) -> list[int]:
            return [number for number in among if candidates[number].leading]

        (first,) = wait_for(lambda: leading((0, 1)), self.patience)
        second = 1 - first
        wait_for(lambda: elsewhere.leading, self.patience)
        assert not candidates[second].leading
        candidates[first].close()
        assert not candidates[first].leading
        wait_for(lambda: leading((second,)), self.ttl + self.patience)

    def test_what_a_host_tells_is_read_by_others_until_it_is_withdrawn(
        self, registry: Registry, other: Registry
    ) -> None:
        assert registry.told("links") == {}
        registry.tell("h1", "links", "first")
        registry.tell("h1", "links", "é {}\n" * 1000)
        registry.tell("h1", "weather/%", "rain")
        other.tell("h2.example", "links", "")
        assert other.told("links") == {"h1": "é {}\n" * 1000, "h2.example": ""}
        assert other.told("weather/%") == {"h1": "rain"}
        assert registry.read() == Snapshot()
        registry.withdraw("h1")
        assert other.told("links") == {"h2.example": ""}
        assert other.told("weather/%") == {}

    def test_an_agent_that_shows_itself_is_missed_until_its_host_is_withdrawn(
        self, registry: Registry, other: Registry
    ) -> None:
        shown = [
            one.presence(host, agent, lambda: True)
            for one, host, agent in (
                (registry, "h1", "ambassador"),
                (registry, "h1", "weird/%"),
                (other, "h2.example", "master"),
                (other, "h2.example", "registrator"),
            )
        ]
        expected = {
            *(("h1", "ambassador"), ("h1", "weird/%")),
            *(("h2.example", "master"), ("h2.example", "registrator")),
        }
        wait_for(lambda: registry.silences().keys() == expected, self.patience)
        assert set(other.silences().values()) <= {0.0, 1.0, 2.0}
        assert registry.read() == Snapshot()
        for one in shown:
            assert one.trouble == ""
            one.close()
        other.withdraw("h1")
        registry.forget("h2.example", "master")
        registry.forget("h2.example", "never was")
        assert other.silences().keys() == {("h2.example", "registrator")}

    def test_what_is_too_long_is_not_told(self, registry: Registry) -> None:
        registry.tell("h1", "links", "x" * 900_000)
        with pytest.raises(RegistryError):
            registry.tell("h1", "links", "x" * 2_000_000)
        assert registry.told("links") == {"h1": "x" * 900_000}

    def test_what_a_leader_keeps_outlives_it_and_nobody_else_keeps_anything(
        self, registry: Registry, other: Registry
    ) -> None:
        one = registry.leader("a")
        wait_for(lambda: one.leading, self.patience)
        two, elsewhere = other.leader("a"), other.leader("b")
        assert one.recall() == two.recall() == ""
        with pytest.raises(RegistryError, match="leads a"):
            two.keep("not its to say")
        one.keep("first")
        one.keep("é {}\n" * 1000)
        one.close()
        with pytest.raises(RegistryError, match="leads a"):
            one.keep("too late")
        assert two.recall() == "é {}\n" * 1000
        assert elsewhere.recall() == ""
        assert registry.read() == Snapshot()
