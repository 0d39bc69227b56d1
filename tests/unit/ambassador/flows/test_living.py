"""Whose connections are asked whether an instance is there."""

from arpanet_ambassador.flows.living import askers
from arpanet_ambassador.planes.socket.layout import Dialled, Seen, Traffic

ONE, TWO, OTHER = ("10.0.0.1", 1), ("10.0.0.2", 1), ("10.0.0.3", 1)


def seen(client: str, target: tuple[str, int] | None, last: float, protocol: str = "tcp") -> Seen:
    return Seen(client, Dialled(1, "127.0.0.1", 6379, protocol), target, Traffic(1, last))


def test_the_one_that_dialled_it_last() -> None:
    every = [
        seen("a", ONE, 1.0),
        seen("b", ONE, 3.0),
        seen("c", ONE, 2.0),
        seen("b", TWO, 1.0),
        seen("c", OTHER, 9.0),
        seen("c", None, 9.0),
        seen("c", TWO, 9.0, "udp"),
    ]
    assert askers(every, frozenset({ONE, TWO})) == {"b": {ONE, TWO}}
    assert askers(every, frozenset()) == {}
