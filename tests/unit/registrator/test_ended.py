"""ARPANET_DEREGISTER=on-success: what stays, and until when."""

import pytest
from arpanet_registrator.ended import Ended, failed

from arpanet.errors import EngineUnreachable
from arpanet.records import Port

from .fakes import by_id, redis


@pytest.mark.parametrize(
    ("code", "bad"), [(0, False), (1, True), (127, True), (128, False), (137, False), (255, False)]
)
def test_registrators_measure(code: int, bad: bool) -> None:
    assert failed({"State": {"ExitCode": code}}) is bad


def test_what_is_gone_did_not_fail() -> None:
    assert failed(None) is False


@pytest.fixture
def docker():
    """What inspect answers."""
    return {"id-r0": {"State": {"ExitCode": 1}}}


@pytest.fixture
def ended(docker):
    ended = Ended(docker.get)
    assert ended.look(by_id(redis(networks={"bridge": "172.17.0.2"}))) == {}
    return ended


def test_it_stays_unhealthy_without_addresses_that_may_be_anothers(ended):
    for _ in range(2):
        (one,) = ended.look({}).values()
        assert (one.name, one.health, one.networks) == ("r0", "unhealthy", {})


def test_it_goes_when_it_is_removed(ended, docker):
    assert ended.look({})
    docker.clear()
    assert ended.look({}) == {}


def test_it_goes_when_it_runs_again(ended, docker):
    assert ended.look({})
    assert ended.look(by_id(redis())) == {}
    docker["id-r0"]["State"]["ExitCode"] = 0
    assert ended.look({}) == {}


def test_it_goes_when_its_port_is_anothers(ended):
    assert ended.look({})
    assert ended.look(by_id(redis("r1"))) == {}


def test_another_port_takes_nothing_from_it(ended):
    other = redis("r1", ports=(Port(6379, host_ip="0.0.0.0", host_port=10001),))
    assert set(ended.look(by_id(other))) == {"id-r0"}


def test_a_docker_that_does_not_answer_lets_it_stay():
    def inspect(key):
        raise EngineUnreachable("Docker does not run")

    ended = Ended(inspect)
    ended.look(by_id(redis()))
    assert set(ended.look({})) == {"id-r0"}
