"""What the registry lost: left by an agent that follows it, read by the command line."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from arpanet.agent import lost, statusfile
from arpanet.agent.lost import LIMIT, LostFile, lost_instances
from arpanet.errors import EngineUnreachable
from arpanet.records import Instance, Snapshot

ONE = Instance("h1:a:80", ("a",), "h1", "10.0.0.1", 80, tags=("x",), started=1.0)
TWO = Instance("h2:b:80", ("b",), "h2", "10.0.0.2", 80)
GONE = replace(ONE, unconfirmed=True)


@pytest.fixture
def files(monkeypatch):
    """Status files by part, and how often each was written."""
    found = {}

    def write(part, state):
        found[part] = {**state, "written": found.get(part, {}).get("written", 0) + 1}

    monkeypatch.setattr(statusfile, "write", write)
    monkeypatch.setattr(statusfile, "read", lambda engine, name, part: found.get(part))
    return found


def context(*names):
    agents = [SimpleNamespace(name=name) for name in names]
    return SimpleNamespace(engine=SimpleNamespace(own=lambda: agents))


def test_what_is_left_is_read_as_unconfirmed(files):
    assert lost_instances(context("agent")) == ()
    file = LostFile()
    file.leave(Snapshot({one.id: one for one in (GONE, TWO)}))
    assert lost_instances(context("agent", "another")) == (GONE,)
    file.leave(Snapshot({one.id: one for one in (ONE, TWO)}))
    assert lost_instances(context("agent")) == ()
    assert lost_instances(context()) == ()


def test_it_is_written_where_it_changes(files):
    file = LostFile()
    for snapshot in (Snapshot(), Snapshot({TWO.id: TWO}), Snapshot()):
        file.leave(snapshot)
    assert files[lost.PART]["written"] == 1


def test_it_is_bounded_while_nothing_is_confirmed(files):
    every = [replace(GONE, id=f"h1:a:{port}") for port in range(LIMIT + 10)]
    LostFile().leave(Snapshot({one.id: one for one in every}))
    assert len(lost_instances(context("agent"))) == LIMIT


@pytest.mark.parametrize("content", [{"instances": [["a", "{"]]}, {"instances": [1]}])
def test_what_makes_no_sense_is_nothing(files, content):
    files[lost.PART] = content
    assert lost_instances(context("agent")) == ()


def test_without_docker_there_is_nothing():
    def own():
        raise EngineUnreachable("Docker does not run")

    assert lost_instances(SimpleNamespace(engine=SimpleNamespace(own=own))) == ()
