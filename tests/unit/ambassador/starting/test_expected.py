"""Ports that the proxy listens on before their clients start."""

import queue
import threading

import pytest
from arpanet_ambassador.starting import expected as module
from arpanet_ambassador.starting.expected import Expected

from arpanet import EngineError
from tests.conftest import wait_for
from tests.unit.ambassador.records import container


class Docker:
    """Tells of containers as they are put into :attr:`made`; ``None`` ends the stream."""

    def __init__(self):
        self.made, self.free = queue.SimpleQueue(), threading.Event()

    def existing(self):
        while one := self.made.get():
            yield one
        raise EngineError("Docker is away")

    def declared(self, key):
        if key == "locked":
            self.free.wait(60)
        if key == "broken":
            raise EngineError("it cannot be inspected")
        return container(key, env={f"BACKEND_{key}": "a"}) if key != "gone" else None


@pytest.fixture
def docker():
    made = Docker()
    yield made
    made.free.set()


def test_ports_of_all_that_exist_and_of_what_is_made(docker, monkeypatch):
    monkeypatch.setattr(module, "_AGAIN", 0.01)
    changed = []
    expected = Expected(docker.existing, docker.declared, lambda: changed.append(expected.ports))
    for key in ("locked", "broken", "gone", "80", "80", None, "81"):  # nobody waits for another
        docker.made.put(key)
    wait_for(lambda: expected.ports == {80, 81})
    assert changed == [{80}, {80, 81}]


def test_the_latest_are_remembered(docker, monkeypatch):
    monkeypatch.setattr(module, "_MOST", 2)
    expected = Expected(docker.existing, docker.declared, lambda: None)
    for key, known in (("80", {80}), ("81", {80, 81}), ("80", {80, 81}), ("82", {80, 82})):
        docker.made.put(key)
        wait_for(lambda known=known: expected.ports == known)
