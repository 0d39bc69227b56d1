"""What ``arpanet status`` makes of what an agent left."""

import pytest

from arpanet.agent import status, statusfile
from arpanet.agent.status import RECENT, SILENT, node_status
from arpanet.docker.specs import OwnContainer
from tests.support.stand_in import stand_in

NOW = 10_000.0
FAILURE = {"count": 2, "hook": "arpanet_install", "words": "ValueError: no", "at": NOW}


class Context:
    """A host with one container of an agent, and the files in it."""

    def __init__(self, run):
        self.engine, self._run = self, run

    def own(self, part):
        return [OwnContainer("arpanet_x", part, "running", "image", "id", "t0")]

    def read_file(self, name, path):
        file = self._run / path.rpartition("/")[2]
        return file.read_bytes() if file.exists() else None


@pytest.fixture
def look(tmp_path, monkeypatch):
    monkeypatch.setattr(statusfile, "RUN", tmp_path)
    stand_in(monkeypatch, status, "time", monotonic=lambda: NOW)

    def call(agent):
        statusfile.write("x", {})
        if agent is not None:
            statusfile.write("agent", {"at": NOW, **agent})
        return node_status(Context(tmp_path), "x", lambda state: ("fine", ()), "it waits")

    return call


@pytest.mark.parametrize(
    ("agent", "state", "words"),
    [
        (None, "ok", "fine"),
        ({}, "ok", "fine"),
        ({"at": NOW - SILENT + 1}, "ok", "fine"),
        ({"at": NOW - SILENT - 30}, "down", "its agent has not moved for 40 s: see 'docker logs"),
        ({"docker": "no Docker"}, "degraded", "no Docker"),
        ({"deaths": 1, "last": "exit code 1"}, "ok", "fine"),
        ({"deaths": 3, "last": "exit code 1"}, "degraded", "ended 3 times, last: exit code 1"),
        ({"left_out": {"hello": "left out: it exits"}}, "degraded", "plugin hello was left out"),
        (
            {
                "hanging": ["hello"],
                "plugins": {"hello": {"hook": "arpanet_install", "since": NOW - 12}},
            },
            "degraded",
            "plugin hello hangs in arpanet_install for 12 s",
        ),
        (
            {"failures": {"hello": FAILURE}},
            "degraded",
            "plugin hello failed in arpanet_install (2 in all): ValueError: no",
        ),
        ({"failures": {"hello": {**FAILURE, "at": NOW - RECENT - 1}}}, "ok", "fine"),
        (
            {"fault": {"count": 1, "words": "MemoryError: ", "at": NOW}},
            "degraded",
            "the agent's loop failed 1 times, last: MemoryError",
        ),
        ({"fault": {"count": 1, "words": "MemoryError: ", "at": NOW - RECENT}}, "ok", "fine"),
    ],
)
def test_one_line(look, agent, state, words):
    line = look(agent)
    assert (line.part, line.state) == ("x", state)
    assert words in line.detail
