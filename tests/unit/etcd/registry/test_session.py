"""A host's session over a writer that does as it is told."""

import pytest
from arpanet_etcd.registry.session import HostSession

from arpanet.errors import RegistryUnreachable
from tests.conftest import wait_for
from tests.unit.etcd.registry.stores import ONE, Writer


@pytest.fixture
def session():
    sessions = []

    def start(writer, ttl=30):
        sessions.append(HostSession(writer, ttl))
        return sessions[-1]

    yield start
    for one in sessions:
        one.close()


def test_nothing_is_written_before_something_was_published(session):
    writer = Writer()
    running = session(writer)
    wait_for(lambda: running.trouble == "")
    assert (writer.refreshed, writer.written) == (1, [])
    running.publish([ONE])
    wait_for(lambda: writer.written == [[ONE.id]])
    running.publish(())
    wait_for(lambda: writer.written == [[ONE.id], []])
    assert writer.refreshed == 1


def test_it_refreshes_three_times_within_the_time_to_live(session):
    writer = Writer()
    session(writer, 0.3)
    wait_for(lambda: writer.refreshed >= 3, 1)


@pytest.mark.parametrize("problem", [RegistryUnreachable("nobody"), KeyError("a bug")])
def test_trouble_is_said_and_tried_again_and_what_was_published_is_not_forgotten(session, problem):
    writer = Writer()
    writer.problems = [problem, problem]
    running = session(writer)
    running.publish([ONE])
    assert running.trouble
    wait_for(lambda: running.trouble == "", 2)
    assert writer.refreshed == 3
    assert writer.written[-1] == [ONE.id]


def test_what_is_refused_is_told_once_and_no_trouble(session, caplog):
    writer = Writer()
    writer.refused = {ONE.id: "has 200 names"}
    running = session(writer, 0.1)
    running.publish([ONE])
    wait_for(lambda: len(writer.written) > 3)
    assert (running.trouble, running.refused) == ("", {ONE.id: "has 200 names"})
    warnings = [one.message for one in caplog.records if one.levelname == "WARNING"]
    assert warnings == ["instance h1:r0:1 is refused: has 200 names"]


def test_nothing_is_kept_alive_for_an_agent_that_is_stuck():
    writer, moving = Writer(), [False]
    running = HostSession(writer, 0.1, lambda: moving[-1])
    wait_for(lambda: "stuck" in running.trouble)
    running.publish([ONE])
    assert (writer.refreshed, writer.written) == (0, [])
    moving.append(True)
    wait_for(lambda: running.trouble == "")
    assert writer.refreshed >= 1
    assert writer.written[-1] == [ONE.id]
    running.close()
