"""Signs of life: given while an agent moves, begun anew whatever went wrong."""

import threading
from itertools import pairwise

import pytest
from arpanet_etcd.client import wire
from arpanet_etcd.registry.presence import DAY, PulsePresence
from arpanet_etcd.registry.v3.pulse import LOOK, V3Pulse

from arpanet.errors import RegistryUnreachable
from tests.conftest import wait_for


class Pulse:
    def __init__(self):
        self.beats, self.made, self.problems = 0, 0, []

    def make(self):
        self.made += 1
        return self

    def beat(self):
        if self.problems:
            raise self.problems.pop(0)
        self.beats += 1


def test_who_does_not_move_gives_no_sign_until_it_does():
    pulse, asked, moving = Pulse(), threading.Semaphore(0), [False]

    def alive():
        asked.release()
        return moving[-1]

    presence = PulsePresence(pulse.make, alive, 0.015)
    for _ in range(3):
        assert asked.acquire(timeout=10)
    assert (pulse.made, pulse.beats) == (0, 0)
    moving.append(True)
    wait_for(lambda: pulse.beats >= 2)
    assert pulse.made == 1
    presence.close()
    wait_for(lambda: all(one.name != "presence" for one in threading.enumerate()))


@pytest.mark.parametrize("problem", [RegistryUnreachable("nobody"), KeyError("a bug")])
def test_what_went_wrong_is_begun_anew(problem):
    pulse = Pulse()
    pulse.problems = [problem, problem]
    presence = PulsePresence(pulse.make, lambda: True, 0.015)
    wait_for(lambda: pulse.beats)
    assert pulse.made == 3
    presence.close()


def test_one_that_was_not_taken_is_given_again_long_before_the_next():
    """Others name who gave none for one and a half times the seconds between two."""
    pulse, ttl = Pulse(), 300.0
    pulse.problems = [RegistryUnreachable("nobody")]
    presence = PulsePresence(pulse.make, lambda: True, ttl / 1000)
    presence._every = ttl
    wait_for(lambda: pulse.beats)
    presence.close()


class Gateway:
    """A store of one key."""

    def __init__(self):
        self.leases, self.key, self.granted = {}, None, 0

    def get(self, key):
        assert key == "k"
        return self.key and wire.Value("", 1, self.key, 1)

    def keepalive(self, lease):
        return self.leases.get(lease, 0)

    def grant(self, ttl):
        self.granted += 1
        self.leases[self.granted] = ttl
        return self.granted

    def put(self, key, value, lease):
        self.key = lease


def test_a_lease_of_a_day_is_gone_on_with_and_what_was_deleted_comes_back():
    gateway, now = Gateway(), [0.0]
    V3Pulse(gateway, "k", lambda: now[0]).beat()
    assert gateway.leases == {1: DAY}
    successor = V3Pulse(gateway, "k", lambda: now[0])
    for _ in range(2):
        successor.beat()
    assert gateway.granted == 1
    gateway.key = None
    successor.beat()
    assert gateway.key is None
    now[0] += LOOK
    successor.beat()
    assert gateway.key == 2
    gateway.leases, gateway.key = {}, None  # wiped
    successor.beat()
    assert gateway.key == 3


def test_it_asks_often_enough_for_its_token_to_live():
    """etcd forgets one that was not used for 300 seconds; a keepalive does not use it."""
    gateway, now, asked = Gateway(), [0.0], []
    get = gateway.get
    gateway.get = lambda key: asked.append(now[0]) or get(key)
    pulse = V3Pulse(gateway, "k", lambda: now[0])
    for now[0] in range(0, 3600, 10):
        pulse.beat()
    assert max(after - before for before, after in pairwise(asked)) < 300
    assert len(asked) < 40
