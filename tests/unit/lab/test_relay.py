"""Packets that are passed on late."""

from collections import deque

import pytest
from arpanet_lab.relay import concerns, take_in


def packet(source: int, target: int, protocol: int = 6, options: bytes = b"") -> bytes:
    """A frame with IPv4, behind ten bytes of the kernel's."""
    length = 0x45 + len(options) // 4
    ip = bytes([length]) + bytes(8) + bytes([protocol]) + bytes(10) + options
    ports = source.to_bytes(2, "big") + target.to_bytes(2, "big")
    return bytes(10) + bytes(12) + b"\x08\x00" + ip + ports


class Wire:
    def __init__(self, *packets: bytes) -> None:
        self._packets = list(packets)

    def recv(self, _: int) -> bytes:
        if not self._packets:
            raise BlockingIOError
        return self._packets.pop(0)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (packet(50000, 7001), True),
        (packet(7001, 50000), True),
        (packet(50000, 7001, options=bytes(8)), True),
        (packet(50000, 7002), False),
        (packet(50000, 7001, protocol=17), False),
        (bytes(10) + bytes(12) + b"\x08\x06" + bytes(28), False),
    ],
)
def test_whose_packet_it_is(frame, expected):
    assert concerns(frame, 7001) is expected


def test_none_overtakes_another():
    late, soon = deque(), deque()
    take_in(Wire(b"first"), late, soon, 0, 1000.0)
    take_in(Wire(b"second", b"third"), late, soon, 0, 1.0)
    assert [one for _, one in late] == [b"first", b"second", b"third"]
    assert [when for when, _ in late] == sorted(when for when, _ in late)
    assert not soon


def test_what_does_not_concern_the_port_waits_for_nothing():
    mine, other = packet(1, 7001), packet(1, 80)
    late, soon = deque(), deque()
    take_in(Wire(mine, other), late, soon, 7001, 1000.0)
    assert ([one for _, one in late], [one for _, one in soon]) == ([mine], [other])
