"""What a URL is told: once per cluster, and once for ever."""

import pytest
from arpanet_webhook import teller
from arpanet_webhook.changes import changes, decode, encode, seen
from arpanet_webhook.plugin import WEBHOOK_URL, WebhookPlugin

from arpanet import RegistryUnreachable, SettingsError
from arpanet.testing import instance, snapshot, wait_for

REDIS, WEB = instance("redis"), instance("web", port=80)


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    for name in ("LOOK", "LEAST", "PAUSE"):
        monkeypatch.setattr(teller, name, 0.01)


@pytest.fixture
def host(arpanet_agent, receiver):
    """Start the registrator's agent of a host; they share a registry."""
    running = []

    def start(name="h1"):
        plugin = WebhookPlugin()
        agent = arpanet_agent(plugin, HOSTNAME=name, WEBHOOK_URL=receiver.url)
        agent.stop = plugin.arpanet_agent_stop
        running.append(agent)
        return agent

    yield start
    for agent in running:
        agent.stop()


def test_what_comes_goes_and_changes_is_told(host, receiver):
    one = host()
    one.services(REDIS)
    wait_for(lambda: receiver.bodies)
    (body,) = receiver.bodies
    assert body["host"] == "h1"
    assert body["changes"] == [
        {
            "change": "up",
            "instance": "h2:redis:6379",
            "services": ["redis"],
            "host": "h2",
            "address": "10.0.0.2:6379",
            "protocol": "tcp",
            "health": "",
            "tags": [],
        }
    ]
    one.services(instance("redis", health="healthy"), WEB)
    wait_for(lambda: len(receiver.told()) == 3)
    one.services(WEB)
    wait_for(lambda: len(receiver.told()) == 4)
    assert receiver.told()[1:] == [
        "changed h2:redis:6379",
        "up h2:web:80",
        "down h2:redis:6379",
    ]


def test_of_several_hosts_one_tells(host, receiver):
    hosts = [host(f"h{number}") for number in range(3)]
    for one in hosts:
        one.services(REDIS)
    wait_for(lambda: receiver.bodies)
    for one in hosts:
        one.services(REDIS, WEB)
    wait_for(lambda: len(receiver.told()) == 2)
    hosts[0].stop()
    for one in hosts[1:]:
        one.services(WEB)
    wait_for(lambda: len(receiver.told()) == 3)
    assert receiver.told() == ["up h2:redis:6379", "up h2:web:80", "down h2:redis:6379"]
    assert receiver.bodies[0]["host"] == "h0"
    assert receiver.bodies[-1]["host"] in ("h1", "h2")


def test_a_restart_tells_nothing_again(host, receiver):
    first = host()
    first.services(REDIS, WEB)
    wait_for(lambda: receiver.bodies)
    first.stop()
    again = host()
    again.services(REDIS, WEB)
    again.services(REDIS, WEB, instance("db", port=5432))
    wait_for(lambda: len(receiver.told()) == 3)
    assert receiver.told()[2] == "up h2:db:5432"


def test_an_agent_that_ends_tells_what_it_still_knows(host, receiver):
    one = host()
    one.services(REDIS)
    one.stop()
    assert receiver.told() == ["up h2:redis:6379"]


def test_what_is_not_taken_is_told_as_it_is_by_then(host, receiver):
    receiver.status = 503
    one = host()
    one.services(REDIS)
    wait_for(lambda: len(receiver.refused) >= 2)
    one.services(WEB)
    # a request that was under way has the former state, and may not be the first that is taken
    wait_for(lambda: receiver.told(receiver.refused[-1:]) == ["up h2:web:80"])
    receiver.status = 200
    wait_for(lambda: receiver.bodies)
    assert receiver.told() == ["up h2:web:80"]


def test_a_note_that_is_not_kept_is_told_again_with_the_same_id(
    host, receiver, arpanet_registry, monkeypatch
):
    fails = [RegistryUnreachable("no master answers")]
    leadership = arpanet_registry.leader("webhook")
    keep = type(leadership).keep
    leadership.close()

    def keep_or_fail(self, note):
        if fails:
            raise fails.pop()
        keep(self, note)

    monkeypatch.setattr(type(leadership), "keep", keep_or_fail)
    host().services(REDIS)
    wait_for(lambda: len(receiver.bodies) == 2)
    assert receiver.bodies[0] == receiver.bodies[1]


def test_without_a_url_nobody_is_told(arpanet_agent, arpanet_registry):
    arpanet_agent(WebhookPlugin()).services(REDIS)
    assert arpanet_registry.candidates == {}


@pytest.mark.parametrize("text", ["example.org/hook", "ftp://example.org", "http://"])
def test_a_url_that_makes_no_sense(arpanet_context, text):
    context = arpanet_context(WebhookPlugin(), WEBHOOK_URL=text)
    with pytest.raises(SettingsError, match="must be an http"):
        _ = context.settings[WEBHOOK_URL]


def test_a_note_survives_the_round_trip_and_a_spoilt_one_is_none():
    told = seen(snapshot(REDIS, WEB))
    assert decode(encode(told)) == told
    assert changes(decode(encode(told)), told) == []
    assert decode("") == decode("spoilt") == decode("é") == decode(encode([])) == {}


def test_a_note_of_ten_thousand_instances_fits():
    many = snapshot(*(instance(f"s{n % 100}", id=f"h{n % 50}:c{n}:80") for n in range(10_000)))
    assert len(encode(seen(many))) < 500_000
