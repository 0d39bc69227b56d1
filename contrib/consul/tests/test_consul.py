"""Values that begin with ``consul:``, against a server that answers as Consul does."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from arpanet_consul import plugin as plugins
from arpanet_consul import watch as watches
from arpanet_consul.plugin import ConsulPlugin
from arpanet_consul.query import Query, addresses, parse
from consul import Consul, at

from arpanet import SettingsError
from arpanet.testing import wait_for


@pytest.fixture
def consul():
    server = Consul()
    yield server
    server.close()


@pytest.fixture
def ask(arpanet_context, consul, monkeypatch):
    """Ask for a value, in the ambassador's agent."""
    monkeypatch.setattr(watches, "PAUSE", 0.01)
    context = arpanet_context(ConsulPlugin(), agent="ambassador", CONSUL_HTTP_ADDR=consul.url)

    def call(spec):
        return context.bus.first("arpanet_backends", context=context, spec=spec)

    call.context = context
    return call


def changes(ask):
    return [event for event, _ in ask.context.emitted]


def test_a_service_is_answered_for_and_followed(ask, consul):
    consul.change("redis", at("10.0.0.2"), at("", 6380))
    with consul.silent():
        assert ask("consul:redis") == "Consul has not answered for redis yet"
    wait_for(lambda: ask("consul:redis") == (("10.0.0.1", 6380), ("10.0.0.2", 6379)))
    wait_for(lambda: changes(ask) == ["backends.changed"])
    wait_for(lambda: consul.waiting)
    consul.change("redis", at("10.0.0.3"), at("10.0.0.4", passing=False))
    wait_for(lambda: ask("consul:redis") == (("10.0.0.3", 6379),))
    wait_for(lambda: changes(ask) == ["backends.changed"] * 2)
    consul.change("redis")
    wait_for(lambda: ask("consul:redis") == ())
    assert len(consul.paths) <= 5  # it waits for changes, and does not poll


def test_a_change_elsewhere_is_no_change(ask, consul):
    consul.change("redis", at("10.0.0.2"))
    wait_for(lambda: ask("consul:redis") == (("10.0.0.2", 6379),))
    wait_for(lambda: consul.waiting and changes(ask))
    asked = len(consul.paths)
    consul.change("web", at("10.0.0.9"))
    wait_for(lambda: len(consul.paths) > asked)
    assert changes(ask) == ["backends.changed"]


def test_tags_and_a_datacenter(ask, consul):
    consul.change("redis", at("10.0.0.2", tags=("a", "b")), at("10.0.0.3", tags=("a",)))
    spec = "consul:redis?tag=a&tag=b&dc=dc1"
    wait_for(lambda: ask(spec) == (("10.0.0.2", 6379),))
    assert parse_qs(urlsplit(consul.paths[0]).query)["dc"] == ["dc1"]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ((500, "No cluster leader"), "500 No cluster leader"),
        ((200, "<html>"), "does not answer as it should"),
        ((200, '{"a": 1}'), "is no list"),
        ((200, '[{"Node": {}}]'), "lacks 'Service'"),
    ],
)
def test_what_is_no_answer_is_a_sentence_and_is_got_over(ask, consul, broken, says):
    consul.change("redis", at("10.0.0.2"), broken=broken)
    wait_for(lambda: says in ask("consul:redis"))
    consul.change("redis", at("10.0.0.2"))
    wait_for(lambda: ask("consul:redis") == (("10.0.0.2", 6379),))


def test_nobody_listens(ask, consul, arpanet_context):
    free = arpanet_context(ConsulPlugin(), agent="ambassador", CONSUL_HTTP_ADDR="127.0.0.1:1")

    def answer():
        return free.bus.first("arpanet_backends", context=free, spec="consul:redis")

    wait_for(lambda: "Consul at http://127.0.0.1:1 does not answer" in answer())


def test_an_index_that_goes_back_begins_anew(ask, consul):
    """As after a restore of Consul's servers: a question with the old index would be held."""
    consul.change("redis", at("10.0.0.2"), index=1000)
    wait_for(lambda: ask("consul:redis") == (("10.0.0.2", 6379),))
    wait_for(lambda: consul.waiting)
    asked = len(consul.paths)
    consul.change("redis", at("10.0.0.3"), index=5)
    wait_for(lambda: ask("consul:redis") == (("10.0.0.3", 6379),))
    wait_for(lambda: len(consul.paths) >= asked + 2)
    assert "index" not in parse_qs(urlsplit(consul.paths[asked]).query)


def test_an_index_of_none_is_waited_for_too(ask, consul):
    """As when a server has just begun: a question without an index would be answered at once."""
    consul.change("redis", at("10.0.0.2"), index=0)
    wait_for(lambda: ask("consul:redis") == (("10.0.0.2", 6379),))
    wait_for(lambda: consul.waiting)
    consul.change("redis", at("10.0.0.3"), index=2)
    wait_for(lambda: ask("consul:redis") == (("10.0.0.3", 6379),))
    assert parse_qs(urlsplit(consul.paths[1]).query)["index"] == ["1"]


def test_what_no_link_asks_for_is_forgotten(ask, consul, monkeypatch):
    def begun():
        asked = [urlsplit(one) for one in consul.paths if "/redis" in one]
        return sum("index" not in parse_qs(one.query) for one in asked)

    consul.change("redis", at("10.0.0.2"))
    wait_for(lambda: ask("consul:redis") == (("10.0.0.2", 6379),))
    monkeypatch.setattr(plugins, "FORGET", 0.0)
    ask("consul:web")
    monkeypatch.undo()
    assert begun() == 1
    ask("consul:redis")
    wait_for(lambda: begun() == 2)


def test_values_of_other_kinds_are_not_its_business(ask):
    assert ask("nomad:redis") is None
    assert ask("redis") is None


@pytest.mark.parametrize(
    "spec",
    ["consul:", "consul:?tag=a", "consul:a/b", "consul:a?tag", "consul:a?x=1", "consul:a?tag="],
)
def test_a_value_that_makes_no_sense(ask, spec):
    assert "must read consul:<service>" in ask(spec)
    assert "more than one datacenter" in ask("consul:a?dc=a&dc=b")


def test_names_are_escaped():
    assert parse("consul:a b&c?tag=x%20y") == Query("a b&c", ("x y",))
    path = parse("consul:a b&c?tag=x%20y").path(7, 30)
    assert path == "/v1/health/service/a%20b%26c?passing=true&tag=x+y&index=7&wait=30s"


def test_the_address_of_the_node_stands_in():
    answer = json.loads(
        '[{"Node": {"Address": "10.0.0.1"}, "Service": {"Address": "", "Port": 80}}]'
    )
    assert addresses(answer) == (("10.0.0.1", 80),)


@pytest.mark.parametrize("text", ["ftp://x", "http://", "http://x/v1", ""])
def test_an_address_that_makes_no_sense(arpanet_context, text):
    context = arpanet_context(ConsulPlugin(), CONSUL_HTTP_ADDR=text)
    with pytest.raises(SettingsError, match="must be a host and a port"):
        _ = context.settings[plugins.CONSUL_HTTP_ADDR]
