"""Another etcd for one member of three, with real members: taken, or the one of before again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from arpanet_etcd.masters import health
from arpanet_etcd.masters.wal import Identity
from arpanet_etcd.upkeep.upgrading import exchange

from arpanet.errors import ArpanetError
from tests.services.etcd.masters import Master, masters

__all__ = ["masters"]  # a fixture


@dataclass
class With:
    """A master's machine that runs a certain program as etcd."""

    master: Master
    program: str = "etcd"

    def data(self) -> Identity | None:
        return self.master.data()

    def command(self) -> list[str]:
        return self.master.command()

    def start(self, formation: Sequence[str]) -> None:
        self.master.program = self.program
        self.master.start(formation)

    def wipe(self) -> None:
        self.master.wipe()

    def check(self) -> None:
        self.master.check()


@pytest.fixture
def pair(masters) -> tuple[Master, Master]:
    """Two masters, so that neither can be missed; the second is changed."""
    one, two = masters(2)
    one.boot()
    two.joiner.join([one.own.peer_url])
    one.settled("h1", "h2")
    one.gateway.put("/kept", "1")
    return one, two


def program(place: Path, line: str) -> str:
    file = place.parent / "another"
    file.write_text(f"#!/bin/sh\n{line}\n")
    file.chmod(0o755)
    return str(file)


def waiting(master: Master, patience: float):
    return lambda machine: health.wait(master.own, machine.check, master.progress, patience)


def test_another_etcd_goes_on_with_the_same_data(pair):
    one, two = pair
    other = program(two.place, 'exec etcd --snapshot-count=5000 "$@"')
    exchange(With(two), With(two, other), waiting(two, 30))
    assert two.argv[0] == other
    assert two.gateway.get("/kept").value == "1"
    one.settled("h1", "h2")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("exec etcd --no-such-flag", "the new etcd is not well: "),
        ("exec sleep 1000", "the new etcd is not well: the master was started and does not answer"),
    ],
    ids=["ends", "hangs"],
)
def test_one_that_does_not_come_up_makes_room_for_the_one_of_before(pair, broken, said):
    one, two = pair
    with pytest.raises(ArpanetError) as caught:
        exchange(With(two), With(two, program(two.place, broken)), patient(two))
    assert str(caught.value).startswith(said)
    assert "; the one of before runs again" in str(caught.value)
    assert two.argv[0] == "etcd"
    assert two.gateway.get("/kept").value == "1"
    one.settled("h1", "h2")


def patient(master: Master):
    """Wait for what is broken not as long as for what is not."""

    def wait(machine: With) -> None:
        waiting(master, 30 if machine.program == "etcd" else 2)(machine)

    return wait


def test_when_none_comes_up_both_reasons_are_said(pair):
    _, two = pair
    broken = program(two.place, "exec etcd --no-such-flag")
    with pytest.raises(ArpanetError, match="and the one of before, which was put back, is not"):
        exchange(With(two, broken), With(two, broken), waiting(two, 2))
