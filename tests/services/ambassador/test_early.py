"""Dials of the proxy at ports that nobody has declared yet, from another network namespace."""

import pytest
from arpanet_ambassador.clear import here
from arpanet_ambassador.planes.proxy import early
from arpanet_ambassador.planes.proxy import proxy as module
from arpanet_ambassador.planes.proxy.plane import Proxied
from arpanet_ambassador.planes.proxy.proxy import Proxy

from arpanet.records import Target
from tests.services.ambassador.lan import AMBASSADOR, CLIENT, SERVERS, anybody, echoes, hello

ONE, TWO = (f"{ip}:7000" for ip in SERVERS)
TO_ONE, TO_TWO = ((Target(ip, 7000),) for ip in SERVERS)


@pytest.fixture(scope="module")
def lan(module_lan):
    for ip in SERVERS:
        module_lan.serve(ip, 7000)
    return module_lan


def begun(lan):
    return lan.ambassador.do(lambda: Proxy(early=early.listener()))


@pytest.fixture
def proxy(lan):
    made = begun(lan)
    yield made
    made.close()


def test_who_dials_what_nobody_has_declared_is_held_until_it_is_known(lan, proxy):
    proxy.update({})
    first, second = (lan.client.dial(AMBASSADOR, port) for port in (6379, 6380))
    with first, second:
        assert proxy.update({CLIENT: {6379: TO_ONE, 6380: TO_TWO}}) == {}
        assert (hello(first), hello(second)) == (ONE, TWO)
        assert echoes(first)
        assert echoes(second)  # the proxy listens there itself by now
        with lan.client.dial(AMBASSADOR, 6379) as third:
            assert hello(third) == ONE


def test_its_own_port_serves_like_any_other(lan, proxy):
    (own,) = proxy._always
    assert proxy.update({CLIENT: {own: TO_ONE}}) == {}
    with lan.client.dial(AMBASSADOR, own) as connection:
        assert hello(connection) == ONE


def test_who_stays_unknown_is_reset(lan, proxy, monkeypatch):
    monkeypatch.setattr(module, "UNKNOWN", 0.1)
    proxy.update({CLIENT: {6379: TO_ONE}})
    with lan.client.dial(AMBASSADOR, 6380) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)


def test_who_listens_there_beside_the_proxy_is_left_alone(lan, proxy):
    lan.serve(AMBASSADOR, 6390, lan.ambassador)
    with lan.client.dial(AMBASSADOR, 6390) as connection:
        assert hello(connection) == f"{AMBASSADOR}:6390"


def test_one_that_begins_anew_takes_the_place_of_the_former(lan):
    begun(lan).close()
    with pytest.raises(ConnectionRefusedError):  # rules are left, and do nothing
        lan.client.dial(AMBASSADOR, 6379)
    second = begun(lan)
    with lan.client.dial(AMBASSADOR, 6379) as connection:
        second.update({CLIENT: {6379: TO_ONE}})
        assert hello(connection) == ONE
    second.close()


@pytest.mark.parametrize("used", [True, False], ids=["among others", "no more"])
def test_a_proxy_that_is_not_alone_takes_its_rules_away(lan, used):
    """As an ambassador has it that was started anew, and enters that namespace."""
    begun(lan).close()
    assert left(lan)
    home = lan.ambassador.home
    for _ in ("rules are there", "none are"):
        proxied = Proxied(lambda: home, anybody)
        assert (proxied.tidy({}) if used else proxied.clear([home])) == {}
        assert not left(lan)


def test_so_does_a_stop_in_that_namespace_itself(lan):
    begun(lan).close()
    lan.ambassador.do(here)
    assert not left(lan)
    lan.ambassador.do(here)  # nothing to do is no error


def left(lan):
    return early.TABLE in lan.ambassador.sh("nft list tables ip")


def test_a_kernel_that_cannot_is_told_of_and_the_proxy_does_without(lan, monkeypatch, caplog):
    monkeypatch.setattr(early, "rules", lambda port: "add no such rule")
    made = begun(lan)
    assert "clients that dial before Docker tells of them may be refused: " in caplog.text
    made.update({CLIENT: {6379: TO_ONE}})
    with lan.client.dial(AMBASSADOR, 6379) as connection:
        assert hello(connection) == ONE
    made.close()
