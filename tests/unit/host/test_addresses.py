"""This host's own addresses."""

import socket

import pytest

from arpanet.errors import SettingsError
from arpanet.host import addresses

ROUTES = """\
Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
lo 0000A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0
"""


def test_the_default_routes_interface(tmp_path):
    routes = tmp_path / "route"
    routes.write_text(ROUTES + "lo 00000000 0100007F 0003 0 0 0 00000000 0 0 0\n")
    assert addresses.default_address(routes) == "127.0.0.1"


def test_no_default_route(tmp_path):
    routes = tmp_path / "route"
    routes.write_text(ROUTES)
    with pytest.raises(SettingsError, match="ARPANET_IP is not set, and there is no default route"):
        addresses.default_address(routes)


def test_check_local():
    addresses.check_local("127.0.0.1")
    with pytest.raises(SettingsError, match=r"ARPANET_IP=192\.0\.2\.1 is not an address"):
        addresses.check_local("192.0.2.1")


def test_port_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not addresses.port_free("127.0.0.1", port)
    assert addresses.port_free("127.0.0.1", port)
    assert not addresses.port_free("192.0.2.1", port)
