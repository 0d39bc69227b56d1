"""Where it leads."""

import errno
import select
import socket

from tests.services.ambassador.behaviours.stage import (
    AT_ONCE,
    KEPT,
    LOCALHOST,
    LOOPBACK,
    ONE,
    PORT,
    TWO,
    behaviour,
    name,
)
from tests.services.ambassador.lan import AMBASSADOR, echoes, hello


@behaviour(AT_ONCE)
def without_a_target_it_is_refused_at_once(stage):
    stage.link(AMBASSADOR)
    stage.refused(AMBASSADOR)


@behaviour(AT_ONCE)
def without_a_target_a_connect_that_does_not_block_is_refused(stage):
    stage.link(AMBASSADOR)

    def connect():
        with socket.socket() as made:
            made.setblocking(False)
            if (code := made.connect_ex((AMBASSADOR, PORT))) == errno.EINPROGRESS:
                assert select.select([], [made], [], 30)[1]
                code = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            return code

    assert stage.client.do(connect) == errno.ECONNREFUSED


@behaviour(LOOPBACK)
def without_a_target_localhost_is_refused_at_once(stage):
    stage.serve("127.0.0.1", PORT, stage.client)
    stage.link(LOCALHOST)
    stage.refused("127.0.0.1")
    stage.refused("::1", family=socket.AF_INET6)


@behaviour()
def targets_take_turns(stage):
    stage.link(AMBASSADOR, ONE, TWO)
    reached = [stage.reached(AMBASSADOR) for _ in range(6)]
    assert sorted(reached) == [ONE] * 3 + [TWO] * 3


@behaviour()
def targets_are_told_apart_by_port(stage):
    stage.link(AMBASSADOR, ONE, (ONE[0], PORT + 1))
    assert {stage.reached(AMBASSADOR)[1] for _ in range(4)} == {PORT, PORT + 1}


@behaviour()
def a_link_moves_and_what_is_connected_stays(stage):
    stage.link(AMBASSADOR, ONE)
    with stage.dial(AMBASSADOR) as kept:
        hello(kept)
        stage.link(AMBASSADOR, TWO)
        assert stage.reached(AMBASSADOR) == TWO
        assert echoes(kept)
        stage.link(AMBASSADOR)
        assert stage.nowhere(AMBASSADOR)
        assert echoes(kept)


@behaviour(LOOPBACK, KEPT)
def a_link_on_loopback_that_goes_leaves_what_is_connected(stage):
    stage.serve("127.0.0.1", PORT, stage.client)
    stage.link(LOCALHOST, ONE)
    with stage.dial("127.0.0.1") as kept:
        assert name(hello(kept)) == ONE
        stage.unlink(LOCALHOST)
        assert stage.reached("127.0.0.1") == ("127.0.0.1", PORT)
        assert echoes(kept)


@behaviour(KEPT)
def a_link_that_goes_leaves_what_is_connected(stage):
    stage.serve(AMBASSADOR, PORT, stage.lan.ambassador)
    stage.link(AMBASSADOR, ONE)
    with stage.dial(AMBASSADOR) as kept:
        assert name(hello(kept)) == ONE
        stage.unlink(AMBASSADOR)
        assert stage.reached(AMBASSADOR) == (AMBASSADOR, PORT)
        assert echoes(kept)
