"""Beside registrator itself: its rules, written down a second time, on many generated containers.

Whatever registrator (``bridge/bridge.go`` at its last commit, with ``-ip``) writes, arpanet writes
too, key and value; what it writes beyond that are names with the same address.
"""

import random
from collections.abc import Iterator

import pytest

from arpanet.records import Container, Port
from tests.unit.registrator.test_instances import IP, container, made

PORTS = (53, 80, 443, 8080)
NAMES = ("", "web", "api.v2", "c++")


def registrator(one: Container) -> dict[tuple[str, str], str]:
    """(service, id) -> ``ip:port``, as registrator registers a container of the default bridge."""
    published: dict[tuple[int, str], Port] = {}
    for port in one.ports:
        if port.host_port:
            published.setdefault((port.number, port.protocol), port)
    found = {}
    for (number, protocol), port in published.items():
        metadata: dict[str, str] = {}
        by_port = set()
        for text, value in (*one.env.items(), *one.labels.items()):
            key = text.removeprefix("SERVICE_").lower()
            first, _, rest = key.partition("_")
            if first.isdigit() and rest:
                if first == str(number):
                    metadata[rest] = value
                    by_port.add(rest)
            elif key not in by_port:
                metadata[key] = value
        if metadata.get("ignore"):
            continue
        name = metadata.get("name") or one.image.rpartition("/")[2].partition(":")[0]
        if len(published) > 1 and "name" not in by_port:
            name += f"-{number}"
        udp = ":udp" if protocol == "udp" else ""
        identity = metadata.get("id") or f"h1:{one.name}:{number}{udp}"
        found[name, identity] = f"{IP}:{port.host_port}"
    return found


def generated(seed: int) -> Iterator[Container]:
    """Containers as people write them, and a little odder."""
    dice = random.Random(seed)  # noqa: S311
    for at in range(200):
        host_ports = iter(dice.sample(range(1024, 65536), 12))
        ports = []
        for number in dice.sample(PORTS, dice.randint(0, 3)):
            protocol = dice.choice(("tcp", "tcp", "udp"))
            for _ in range(dice.choice((0, 1, 1, 1, 2))):
                ports.append(Port(number, protocol, "0.0.0.0", next(host_ports)))
            if dice.random() < 0.2:
                ports.append(Port(number + 1, protocol))
        said: list[dict[str, str]] = [{}, {}]
        for where in said:
            for _ in range(dice.randint(0, 3)):
                port = dice.choice(("", f"{dice.choice(PORTS)}_"))
                key, values = dice.choice(
                    [("NAME", NAMES), ("TAGS", ("a,b",)), ("IGNORE", ("", "1")), ("X", ("y",))]
                )
                where[f"SERVICE_{port}{key}"] = dice.choice(values)
        if dice.random() < 0.1:
            said[0][f"SERVICE_{dice.choice(PORTS)}_ID"] = f"own-{at}"
        image = dice.choice(("nginx", "registry:5000/team/nginx:1", "dns"))
        yield container(image, ports, id=f"i{at}", name=f"c{at}", env=said[0], labels=said[1])


#: An empty SERVICE_<port>_NAME hides SERVICE_NAME: registrator then leaves out the suffix as well.
def hides_a_name(one: Container) -> bool:
    both = (*one.env.items(), *one.labels.items())
    return any(key.endswith("_NAME") and key != "SERVICE_NAME" and not value for key, value in both)


@pytest.mark.parametrize("seed", range(10))
def test_all_that_registrator_writes_is_there(seed: int) -> None:
    compared = 0
    for one in generated(seed):
        if hides_a_name(one):
            continue
        found = made(one).instances
        entries = {(name, i.id): i.address for i in found.values() for name in i.services}
        expected = registrator(one)
        assert {key: entries.get(key) for key in expected} == expected, one
        proper = {(i.services[0], i.id) for i in found.values() if i.address}
        assert {key[1] for key in expected} == {identity for _, identity in proper}
        compared += len(expected)
    assert compared > 150
