"""What depends on the agent, and what doesn't."""

from tests.services.ambassador.behaviours.stage import (
    LOCALHOST,
    LOOPBACK,
    ONE,
    TWO,
    behaviour,
)
from tests.services.ambassador.lan import AMBASSADOR, echoes, hello


@behaviour()
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


@behaviour(LOOPBACK)
def a_stop_takes_out_everything_but_what_is_connected(stage):
    stage.link(LOCALHOST, ONE)
    with stage.dial("127.0.0.1") as kept:
        hello(kept)
        stage.plane.stop()
        stage.refused("127.0.0.1")
        assert echoes(kept)
