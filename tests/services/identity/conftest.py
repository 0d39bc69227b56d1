"""Agents of hosts that share a vault, each at an address of its own."""

import pytest
from arpanet_identity import keeper, node
from arpanet_identity.plugin import IdentityPlugin

from arpanet.records import Formation
from tests.conftest import wait_for
from tests.services.identity.agents import listens, place
from tests.support.admissions import Admitting
from tests.support.loopback import free_address


@pytest.fixture
def registry():
    return Admitting()


@pytest.fixture
def agent(arpanet_agent, registry, tmp_path, monkeypatch):
    """Make an agent of a host; all are at their own address, and have the first for a master."""
    monkeypatch.setattr(keeper, "AGAIN", 0.1)
    monkeypatch.setattr(keeper, "LEAST", 0.01)
    monkeypatch.setattr(node, "node_image", lambda _: "arpanet/node:1")
    monkeypatch.setattr(node, "LISTENS", 0.0)  # no agent runs
    running, first = [], free_address()

    def agent(name, part="registrator", ip=first, **given):
        settings = {
            "ARPANET_TLS": "on",
            "ARPANET_IDENTITY": str(tmp_path / name),
            "ARPANET_MASTERS": first,
            "ARPANET_IP": ip,
            **given,
        }
        made = arpanet_agent(IdentityPlugin(), registry, agent=part, HOSTNAME=name, **settings)
        running.append(made)
        return made

    yield agent
    for one in running:
        one.stop()


@pytest.fixture
def boot(agent):
    """Make the first master, and start its agent."""

    def boot(**given):
        made = agent("m1", "master", **given)
        made.context.emit("master.start", formation=Formation(boot=True))
        made.start()
        wait_for(lambda: listens(place(made)))
        return made

    return boot


@pytest.fixture
def master(boot):
    return boot()
