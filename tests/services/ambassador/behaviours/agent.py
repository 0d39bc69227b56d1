"""What depends on the agent, and what doesn't."""

from tests.services.ambassador.behaviours.stage import (
    KEPT,
    LOCALHOST,
    LOOPBACK,
    ONE,
    OUTLIVES,
    TWO,
    behaviour,
)
from tests.services.ambassador.lan import AMBASSADOR, echoes, hello


@behaviour(OUTLIVES)
def without_the_agent_everything_goes_on(stage):
    stage.link(AMBASSADOR, ONE)
    with stage.dial(AMBASSADOR) as kept:
        hello(kept)
        stage.plane.die()
        assert echoes(kept)
        assert stage.reached(AMBASSADOR) == ONE
        stage.plane.revive()
        assert echoes(kept)
        assert stage.reached(AMBASSADOR) == ONE
        stage.link(AMBASSADOR, TWO)
        assert echoes(kept)
        assert stage.reached(AMBASSADOR) == TWO


@behaviour()
def an_agent_that_is_started_again_goes_on(stage):
    stage.link(AMBASSADOR, ONE)
    stage.plane.die()
    stage.plane.revive()
    assert stage.reached(AMBASSADOR) == ONE
    stage.link(AMBASSADOR, TWO)
    assert stage.reached(AMBASSADOR) == TWO


@behaviour()
def a_client_that_is_started_again_has_its_link_again(stage):
    for target in (ONE, TWO):
        with stage.born() as client:
            stage.link(AMBASSADOR, target, node=client)
            assert stage.reached(AMBASSADOR, node=client) == target


@behaviour(LOOPBACK)
def a_client_that_is_started_again_without_its_link_has_none_left(stage):
    with stage.born() as client:
        stage.link(LOCALHOST, ONE, node=client)
        assert stage.reached("127.0.0.1", node=client) == ONE
    with stage.born() as client:
        stage.refused("127.0.0.1", node=client)


@behaviour()
def a_stop_takes_out_everything(stage):
    stage.link(AMBASSADOR, ONE)
    stage.link(AMBASSADOR, TWO, node=stage.other)
    stage.reached(AMBASSADOR)
    stage.plane.stop()
    for node in (stage.client, stage.other):
        stage.refused(AMBASSADOR, node=node)


@behaviour(LOOPBACK, KEPT)
def a_stop_leaves_what_is_connected(stage):
    stage.link(LOCALHOST, ONE)
    with stage.dial("127.0.0.1") as kept:
        hello(kept)
        stage.plane.stop()
        stage.refused("127.0.0.1")
        assert echoes(kept)
