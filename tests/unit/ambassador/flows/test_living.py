"""Whose connections are asked whether an instance is there."""

from arpanet_ambassador.flows import living
from arpanet_ambassador.flows.living import Living, Signs, askers
from arpanet_ambassador.planes.plane import Client, Home
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


def test_few_are_asked_and_who_proves_nothing_is_left_alone(monkeypatch):
    now, visited = [100.0], []

    def visit(work, _verify):
        visited.append(sorted(home.container for home in work))
        return {home: Signs({ONE: 0.2} if home.container == "a" else {}) for home in work}

    monkeypatch.setattr(living.namespaces, "visit_all", visit)
    clients = {key: Client(Home(key, 1)) for key in "abc"}
    clients["shared"] = Client(Home("shared", 1, shared=True))
    targets = {"a": ONE, "b": TWO, "c": OTHER, "shared": ("10.0.0.4", 1), "gone": ("10.0.0.5", 1)}
    looked = []

    def seen_now() -> list[Seen]:
        looked.append(now[0])
        return [seen(key, target, 1.0) for key, target in targets.items()]

    ask = Living(seen_now, lambda: clients, clock=lambda: now[0])
    wanted = frozenset(targets.values())
    for _ in range(3):
        assert ask(wanted).there == {ONE: 0.2}
        now[0] += 1
    assert visited == [["a", "b"], ["a", "c"], ["a"]] and looked == [100.0]
    now[0] += 3
    ask(wanted)
    assert visited[-1] == ["a", "b"] and looked == [100.0, 106.0]


def test_who_waits_in_vain_tells_something(monkeypatch):
    monkeypatch.setattr(
        living.namespaces,
        "visit_all",
        lambda work, _: dict.fromkeys(work, Signs({}, {ONE: (1.2, 1.1)})),
    )
    clients = {"a": Client(Home("a", 1))}
    ask = Living(lambda: [seen("a", ONE, 1.0)], lambda: clients, clock=lambda: 100.0)
    for _ in range(2):
        assert ask(frozenset({ONE})).hanging == {ONE: (1.2, 1.1)}, "nor is it left alone then"
