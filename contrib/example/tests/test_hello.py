"""The journal, written by an agent that is fed by hand."""

import pytest
from arpanet_hello import journal
from arpanet_hello.plugin import HELLO_FILE, HelloPlugin

from arpanet import SettingsError
from arpanet.testing import container, instance, snapshot


@pytest.fixture
def agent(arpanet_agent, tmp_path):
    return arpanet_agent(HelloPlugin(), HELLO_FILE=f"{tmp_path}/deep/journal")


def heard(agent):
    lines = journal.lines(agent.context.settings[HELLO_FILE].read_text())
    return [{name: line[name] for name in line if name != "at"} for line in lines]


def test_containers_come_and_go(agent):
    agent.containers(container("r0"), container("w0"))
    agent.containers(container("w0"))
    assert heard(agent) == [
        {"event": "register", "container": "r0"},
        {"event": "register", "container": "w0"},
        {"event": "deregister", "container": "r0"},
    ]


def test_services_come_and_go_and_an_instance_more_is_no_news(agent):
    agent.services(instance("redis"))
    agent.services(instance("redis"), instance("redis", port=6380))
    agent.services(instance("web"))
    assert heard(agent) == [
        {"event": "services", "came": ["redis"], "went": []},
        {"event": "services", "came": ["web"], "went": ["redis"]},
    ]


def test_changes_are_told_by_name():
    before, after = snapshot(instance("a"), instance("b")), snapshot(instance("b"), instance("c"))
    assert journal.changes(before, after) == {"came": ["c"], "went": ["a"]}


def test_a_line_that_is_only_half_there_is_left_out():
    assert list(journal.lines('{"event": "register"}\n{"eve')) == [{"event": "register"}]


def test_the_file_must_be_named_from_the_root(arpanet_context):
    context = arpanet_context(HelloPlugin(), HELLO_FILE="journal")
    with pytest.raises(SettingsError, match="must be an absolute path"):
        _ = context.settings[HELLO_FILE]
