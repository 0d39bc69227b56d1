"""Clusters and registries for the tests here."""

import itertools
from collections.abc import Callable, Iterator, Sequence

import pytest
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.registry import EtcdRegistry, open_registry

from tests.services.etcd.cluster import Cluster, etcd_version

numbers = itertools.count(1)


@pytest.fixture(scope="session")
def one_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A single member for all tests that do it no harm."""
    cluster = Cluster(tmp_path_factory.mktemp("etcd"), 1, v2=etcd_version() < (3, 6))
    yield cluster
    cluster.close()


def _starting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Cluster]]:
    """Start clusters: ``clusters(size, v2=False)``."""
    started: list[Cluster] = []

    def start(size: int, v2: bool = False, flags: Sequence[str] = ()) -> Cluster:
        started.append(Cluster(tmp_path_factory.mktemp("etcd"), size, v2, flags))
        return started[-1]

    yield start
    for cluster in started:
        cluster.close()


#: For one test, and for all of a file's.
clusters = pytest.fixture(_starting)
clusters_of_module = pytest.fixture(_starting, scope="module")


@pytest.fixture
def layout() -> Layout:
    """A path of the test's own."""
    return Layout(f"/test{next(numbers)}")


Connect = Callable[..., EtcdRegistry]


@pytest.fixture
def connect(layout: Layout) -> Iterator[Connect]:
    """Open registries, as processes on several hosts would: ``connect(cluster, api, ttl)``."""
    opened: list[EtcdRegistry] = []

    def open_one(cluster: Cluster, api: str = "v3", ttl: int = 15) -> EtcdRegistry:
        opened.append(open_registry(cluster.endpoints, layout.root.rstrip("/"), api, ttl))
        return opened[-1]

    yield open_one
    for registry in opened:
        registry.close()
