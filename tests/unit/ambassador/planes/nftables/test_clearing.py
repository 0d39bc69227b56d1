"""Removals and transactions keep out of each other's way."""

import pytest
from arpanet_ambassador.planes.nftables import clearing

from arpanet.agent import statusfile


@pytest.fixture(autouse=True)
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(statusfile, "RUN", tmp_path)


def allowed():
    with clearing.applying() as may:
        return may


def test_nothing_is_applied_for_a_while_after_a_removal(monkeypatch):
    assert allowed()
    with clearing.lock(0) as file:
        clearing.mark(file)
    assert not allowed()
    now = clearing.time.monotonic()
    monkeypatch.setattr(clearing.time, "monotonic", lambda: now + clearing.QUIET + 1)
    assert allowed()
    monkeypatch.setattr(clearing.time, "monotonic", lambda: now - 1000)  # the host was started anew
    assert allowed()


def test_one_at_a_time():
    with clearing.applying() as may:
        assert may
        with clearing.lock(0.1) as file:
            assert file is None
    with clearing.lock(0) as file:
        assert file is not None
        assert not allowed()
