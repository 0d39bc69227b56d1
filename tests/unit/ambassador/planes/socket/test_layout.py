"""Entries <-> bytes; the sizes are also the verifier's business."""

import pytest
from arpanet_ambassador.planes.socket import layout
from arpanet_ambassador.planes.socket.layout import Dialled, Use


def test_sizes():
    sizes = {name: (kind.key, kind.value) for name, kind in layout.MAPS.items()}
    assert sizes == {
        "spaces": (8, 4),
        "links": (32, 40),
        "pools": (8, 2568),
        "usual": (32, 20),
        "ways": (4, 164),
        "flows": (56, 16),
    }


@pytest.mark.parametrize(
    "dialled",
    [
        Dialled(11, "127.0.0.0", 6379),
        Dialled(2**64 - 1, "255.255.255.255", 65535, "udp"),
        Dialled(0, "fd00::1", 1),
    ],
)
def test_dialled_comes_back(dialled):
    assert layout.unpack_dialled(layout.pack_dialled(dialled)) == dialled


@pytest.mark.parametrize("address", [("10.0.0.1", 6379), ("fd00::1", 1)])
def test_an_address_comes_back(address):
    assert layout.unpack_address(layout.pack_address(address)) == address


def test_dialled_golden():
    packed = layout.pack_dialled(Dialled(0x0102, "10.0.0.1", 6379))
    assert packed.hex() == (
        "0201000000000000" + "00000000000000000000ffff" + "0a000001" + "18eb" + "0000" + "06000000"
    )


def test_a_pool_has_ipv4_first_and_one_form():
    targets = [("fd00::1", 80), ("10.0.0.10", 80), ("10.0.0.9", 81), ("10.0.0.9", 80)]
    packed = layout.pack_pool(targets)
    assert packed == layout.pack_pool(targets[::-1])
    assert packed[:8] == bytes([3, 0, 0, 0, 1, 0, 0, 0])
    ips = [packed[8 + 20 * slot : 8 + 20 * slot + 16][-4:] for slot in range(4)]
    assert [one[-1] for one in ips] == [9, 9, 10, 1]
    assert len(packed) == layout.MAPS["pools"].value


def test_a_pool_of_too_many_is_an_error():
    targets = [("10.0.0.1", port) for port in range(1, layout.MOST_TARGETS + 2)]
    with pytest.raises(ValueError, match="129 targets are more than 128"):
        layout.pack_pool(targets)


@pytest.mark.parametrize("address", ["10.0.0", "10.0.0.1.2", "host", "", "::g"])
def test_what_is_no_address_is_an_error(address):
    with pytest.raises(OSError, match="illegal IP address"):
        layout.pack_dialled(Dialled(1, address, 80))


def test_a_new_link_was_not_used_and_begins_anywhere():
    pool = layout.pool_key("redis")
    links = {layout.new_link(pool) for _ in range(5)}
    assert len(links) > 1
    assert {layout.pool_of_link(one) for one in links} == {pool}
    assert {layout.unpack_use(one) for one in links} == {Use(0, 0, 0.0)}


def test_keys_of_pools_are_the_same_in_every_process():
    assert layout.pool_key("redis").hex() == "f5db1f021a0155d9"
