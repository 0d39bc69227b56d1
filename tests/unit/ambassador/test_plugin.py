"""What ARPANET_PLANE may be."""

import pytest
from arpanet_ambassador.settings import ARPANET_PLANE


@pytest.mark.parametrize(
    ("given", "meant"),
    [("auto", "auto"), ("socket", "socket"), ("nftables", "nftables"), ("kernel", "nftables")],
)
def test_plane(given, meant):
    assert ARPANET_PLANE.parse(given) == meant


def test_a_plane_that_there_is_not():
    with pytest.raises(ValueError, match="must be one of auto, socket, nftables, proxy"):
        ARPANET_PLANE.parse("ebpf")
