"""Hosts, instances and readers that the tests of the registry share."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

from arpanet_etcd.registry.registry import EtcdRegistry

from arpanet.records import Host, Instance, Snapshot
from tests.conftest import wait_for

H1, H2 = Host("h1", "10.0.0.1", "engine-1"), Host("h2", "10.0.0.2", "engine-2")
TWIN = Host("h1", "10.0.0.7", "engine-7")


def instance(number: int, host: str = "h1", port: int = 0) -> Instance:
    return Instance(
        f"{host}:c{number}:80", ("web", f"web-{number}"), host, "10.0.0.1", port or 8000 + number
    )


def instances(count: int, host: str = "h1") -> list[Instance]:
    return [instance(number, host) for number in range(count)]


def unconfirmed(count: int, host: str = "h1") -> list[Instance]:
    return [replace(one, unconfirmed=True) for one in instances(count, host)]


class Reader:
    """Remembers every state that it is told of, and when."""

    def __init__(self, registry: EtcdRegistry) -> None:
        self.heard: list[tuple[float, Snapshot]] = []
        self.follower = registry.follow(
            lambda snapshot: self.heard.append((time.monotonic(), snapshot))
        )

    @property
    def last(self) -> Snapshot:
        return self.heard[-1][1] if self.heard else Snapshot()

    def sees(self, *expected: Instance, within: float = 10.0) -> None:
        """Wait until *expected* are all that it knows."""
        wanted = {one.id: one for one in expected}
        wait_for(lambda: self.last.instances == wanted and not self.follower.trouble, within, 0.005)

    def gap(self) -> float:
        """The longest time between two news, in seconds."""
        times = [when for when, _ in self.heard]
        return max(after - before for before, after in pairwise(times))


@contextmanager
def never_without(reader: Reader, *ids: str) -> Iterator[None]:
    """No state that *reader* knows within lacks any of *ids*."""
    begun = len(reader.heard) - 1
    assert begun >= 0, "it knows nothing yet"
    yield
    for _, snapshot in reader.heard[begun:]:
        assert set(ids) <= set(snapshot.instances)
