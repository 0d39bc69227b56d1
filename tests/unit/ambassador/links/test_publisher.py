"""Telling what became of the links."""

import json
from types import SimpleNamespace

import pytest
from arpanet_ambassador.links import publisher
from arpanet_ambassador.links.publisher import Publisher

from arpanet.records import Link
from arpanet.registry import MemoryRegistry
from arpanet.settings import HOSTNAME
from tests.unit.ambassador.records import Told

WEB, NONE = Told([Link("web", 6379, "redis", "redis:6379")]), Told()


@pytest.fixture
def host(monkeypatch):
    """A publisher, what it wrote, how long each writing takes, and what time it is."""
    found = SimpleNamespace(written=[], takes=0.0, now=100.0, spent=0.0)

    def write(part, text):
        found.written.append(json.loads(text)["links"])
        found.spent += found.takes

    clock = SimpleNamespace(monotonic=lambda: found.now, thread_time=lambda: found.spent)
    monkeypatch.setattr(publisher, "time", clock)
    monkeypatch.setattr(publisher.statusfile, "write_text", write)
    context = SimpleNamespace(
        settings={HOSTNAME: "here"}, registry=MemoryRegistry(), emit=lambda *_, **__: None
    )
    found.publisher = Publisher(context, "ambassador")
    yield found
    found.publisher.close()


def test_each_change_is_written_at_once(host):
    for links in (WEB, NONE, WEB):
        host.publisher.publish(links, 0, 0, again=False)
    assert [len(one) for one in host.written] == [1, 0, 1]
    host.publisher.publish(WEB, 0, 0, again=False)
    host.publisher.flush()
    assert len(host.written) == 3


def test_where_writing_takes_long_the_newest_is_written_when_it_is_time(host):
    host.takes = 0.02
    for links in (WEB, NONE, WEB, NONE):
        host.publisher.publish(links, 0, 0, again=False)
    assert [len(one) for one in host.written] == [1]
    host.now += 0.3
    host.publisher.flush()
    assert len(host.written) == 1
    host.now += 0.2
    host.publisher.flush()
    assert [len(one) for one in host.written] == [1, 0]
