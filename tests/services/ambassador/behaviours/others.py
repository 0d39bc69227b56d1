"""What is not a link's."""

import socket

import pytest

from tests.services.ambassador.behaviours.stage import (
    LOCALHOST,
    LOOPBACK,
    ONE,
    PORT,
    TWO,
    behaviour,
    name,
)
from tests.services.ambassador.lan import AMBASSADOR, Node, hello


@behaviour(LOOPBACK)
def own_servers_on_loopback_are_left_alone(stage):
    stage.serve("127.0.0.1", PORT + 1, stage.client)
    stage.serve("::1", PORT + 1, stage.client)
    stage.link(LOCALHOST, ONE)
    assert stage.reached("127.0.0.1", port=PORT + 1) == ("127.0.0.1", PORT + 1)
    assert stage.reached("::1", port=PORT + 1, family=socket.AF_INET6) == ("::1", PORT + 1)


@behaviour(LOOPBACK)
def dockers_resolver_is_left_alone(stage):
    stage.serve("127.0.0.11", PORT, stage.client)
    stage.link(LOCALHOST, ONE)
    assert stage.reached("127.0.0.11") == ("127.0.0.11", PORT)
    assert stage.reached("::ffff:127.0.0.11", family=socket.AF_INET6) == ("127.0.0.11", PORT)


@behaviour()
def what_is_dialled_directly_is_left_alone(stage):
    stage.link(AMBASSADOR, ONE)
    with stage.dial(TWO[0]) as connection:
        assert name(hello(connection)) == TWO
        assert connection.getpeername() == TWO


@behaviour()
def namespaces_do_not_see_each_others_links(stage):
    stage.link(AMBASSADOR, ONE)
    assert stage.nowhere(AMBASSADOR, node=stage.other)
    stage.link(AMBASSADOR, TWO, node=stage.other)
    assert stage.reached(AMBASSADOR, node=stage.other) == TWO
    assert stage.reached(AMBASSADOR) == ONE
    stage.unlink(AMBASSADOR)
    assert stage.reached(AMBASSADOR, node=stage.other) == TWO


@behaviour()
def whoever_shares_a_namespace_shares_its_links(stage):
    stage.link(AMBASSADOR, ONE)
    script = f"exec 3<>/dev/tcp/{AMBASSADOR}/{PORT}; head -n1 <&3"
    said = stage.client.sh(f"bash -c '{script}'")
    assert name(said.strip()) == ONE


@behaviour(LOOPBACK)
def a_new_namespace_has_no_links(stage):
    stage.link(LOCALHOST, ONE)
    with Node("fresh") as fresh:
        stage.lan.up(fresh)
        with pytest.raises(OSError, match=r"refused|unreachable"):
            stage.dial("127.0.0.1", node=fresh).close()
