"""Which servers listen yet, by tables that look like the kernel's."""

import pytest
from arpanet_registrator.newcomers import PATIENCE, SOONEST, Newcomers

from .fakes import Proc, by_id, redis

#: 0.0.0.0, 127.0.0.1 and 172.17.0.2, as /proc has them; redis' port.
ANY, LOOPBACK, OWN, PORT = "00000000", "0100007F", "020011AC", ":18EB"


class Clock:
    now, step = 100.0, 0.5

    def __call__(self):
        return self.now


@pytest.fixture
def proc(tmp_path):
    return Proc(tmp_path)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def newcomers(proc, clock):
    """After a first look, at nothing."""
    found = Newcomers(proc.place, clock)
    found.look({})
    return found


def silent(newcomers, protocol="tcp", **fields):
    one = redis(**{"pid": 7, **fields})
    newcomers._clock.now += newcomers._clock.step
    newcomers._clock.step *= 2  # it is looked at ever more rarely
    newcomers.look(by_id(one))
    return newcomers.silent(one, 6379, protocol)


@pytest.mark.parametrize("local", [ANY + PORT, OWN + PORT])
def test_until_its_server_listens(newcomers, proc, local):
    assert silent(newcomers)
    proc.listens(7, "tcp", local)
    assert not silent(newcomers)
    # it did once: what becomes of it, a check tells
    proc.listens(7, "tcp")
    assert not silent(newcomers)


def test_each_run_anew(newcomers, proc, clock):
    proc.listens(7, "tcp", ANY + PORT)
    assert not silent(newcomers)
    clock.now += 2 * PATIENCE
    assert not silent(newcomers)
    proc.listens(8, "tcp")
    assert silent(newcomers, pid=8, started="t1")


@pytest.mark.parametrize("local", [ANY + ":18EC", LOOPBACK + PORT])
def test_not_for_ever(newcomers, proc, clock, local):
    proc.listens(7, "tcp", local)
    assert silent(newcomers)
    clock.now += PATIENCE
    assert not silent(newcomers)


def test_it_is_looked_at_ever_more_rarely(newcomers, proc, clock):
    one = redis(pid=7)
    newcomers.look(by_id(one))
    seen = []
    for pause, local in ((0, ()), (0.5, (ANY,)), (1, ()), (2, (ANY,)), (1, (ANY,))):
        proc.listens(7, "tcp", *(ip + PORT for ip in local))
        clock.now += pause * SOONEST
        seen.append(newcomers.silent(one, 6379, "tcp"))
    assert seen == [True, True, True, True, False]


def test_by_its_own_protocol(newcomers, proc):
    proc.listens(7, "tcp", ANY + PORT)
    assert silent(newcomers, "udp")
    proc.listens(
        7, "udp", ANY + PORT, state="01"
    )  # connected to somebody: it listens to nobody else
    assert silent(newcomers, "udp")
    proc.listens(7, "udp", ANY + PORT)
    assert not silent(newcomers, "udp")


def test_who_was_there_at_the_first_look_is_well(proc, clock):
    assert not silent(Newcomers(proc.place, clock))


@pytest.mark.parametrize("pid", [0, 9])
def test_who_cannot_be_seen_is_well(newcomers, pid):
    assert not silent(newcomers, pid=pid)


def test_whose_table_makes_no_sense_is_well(newcomers, proc):
    (proc.place / "7/net/tcp").write_text("head\nnonsense\n")
    assert not silent(newcomers)


def test_who_was_not_looked_at_is_well(newcomers):
    assert not newcomers.silent(redis(pid=7), 6379, "tcp")
