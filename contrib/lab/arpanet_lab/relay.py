"""Pass packets on between two interfaces, late: what a long wire does.

A script that needs the standard library only, ``python -I relay.py ONE OTHER SECONDS SPREAD PORT``:
prints ``ready``, and goes on until its input ends. Each packet waits for SECONDS, give or take up
to SPREAD by chance, and none overtakes another. But for PORT 0, all that is not TCP to or from that
port waits for nothing. The kernel's netem does as much where it was built with it; this needs no
more than packet(7).
"""

import random
import select
import socket
import sys
import time
from collections import deque

_SOL_PACKET, _VNET_HDR, _IGNORE_OUTGOING, _ETH_P_ALL = 263, 15, 23, 3
#: Bytes of what the kernel puts before each packet: what is left for a card to do, such as sums.
_HEAD = 10
_LARGEST = 1 << 17
_BUFFER = 1 << 23
#: How many packets are taken in before those that are due are passed on.
_PORTION = 64
_TCP = 6

Waiting = deque[tuple[float, bytes]]


def opened(interface: str) -> socket.socket:
    """Return what hears and says packets there, as they are, but hears none of its own."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    made.setsockopt(_SOL_PACKET, _VNET_HDR, 1)
    made.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
    for name in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        made.setsockopt(socket.SOL_SOCKET, name + 25, _BUFFER)  # SO_…BUFFORCE
    made.bind((interface, _ETH_P_ALL))
    made.setblocking(False)
    return made


def concerns(packet: bytes, port: int) -> bool:
    """Return whether *packet*, an Ethernet frame behind its head, is TCP to or from *port*."""
    frame = packet[_HEAD:]
    if frame[12:14] != b"\x08\x00" or frame[23] != _TCP:
        return False
    begin = 14 + (frame[14] & 15) * 4
    wanted = port.to_bytes(2, "big")
    return wanted in (frame[begin : begin + 2], frame[begin + 2 : begin + 4])


def take_in(wire: socket.socket, late: Waiting, soon: Waiting, port: int, wait: float) -> None:
    """Take in what came: with *wait* into *late*, else into *soon*."""
    for _ in range(_PORTION):
        try:
            packet = wire.recv(_LARGEST)
        except BlockingIOError:
            return
        now = time.monotonic()
        if port and not concerns(packet, port):
            soon.append((now, packet))
        else:
            late.append((max(now + wait, late[-1][0] if late else 0.0), packet))


def pass_on(wire: socket.socket, waiting: Waiting) -> None:
    """Say what is due."""
    while waiting and waiting[0][0] <= time.monotonic():
        try:
            wire.send(waiting.popleft()[1])
        except OSError:  # its buffer is full, or the interface is going: a packet is lost
            return


def main(one: str, other: str, seconds: float, spread: float, port: int) -> None:
    """Pass on until the input ends."""
    ends = opened(one), opened(other)
    ways = [(ends[0], ends[1], Waiting(), Waiting()), (ends[1], ends[0], Waiting(), Waiting())]
    print("ready", flush=True)  # noqa: T201
    while True:
        heads = [queue[0][0] for *_, late, soon in ways for queue in (late, soon) if queue]
        pause = max(0.0, min(heads) - time.monotonic()) if heads else None
        readable, _, _ = select.select([*ends, sys.stdin], [], [], pause)
        if sys.stdin in readable:
            return
        for source, target, late, soon in ways:
            if source in readable:
                wait = seconds + random.uniform(-spread, spread)  # noqa: S311
                take_in(source, late, soon, port, wait)
            pass_on(target, soon)
            pass_on(target, late)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
