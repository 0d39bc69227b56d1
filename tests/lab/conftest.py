"""Real hosts for all tests here: bare ones, and such that form a cluster."""

from collections.abc import Iterator

import pytest
from arpanet_lab.lab import Lab

from tests.lab.cluster import Cluster
from tests.support.labs import clean, lab_of


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Three hosts with the images redis, busybox and arpanet's own."""
    with lab_of("l", 3) as lab:
        yield lab


@pytest.fixture
def clean_lab(lab: Lab) -> Iterator[Lab]:
    """The same, whole, without containers and settings, before the test and after it."""
    _mend(lab)
    yield lab
    _mend(lab)


def _mend(lab: Lab) -> None:
    Cluster(lab).whole()
    clean(*lab.hosts)
    for host in lab.hosts:
        (host.home / ".arpanetrc").unlink(missing_ok=True)


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    """Three hosts, each a master and a slave; a test may have left them otherwise.

    They are taken down before the process goes on with tests that are not of the lab.
    """
    with lab_of("c", 3) as lab:
        found = Cluster(lab)
        found.form()
        yield found


@pytest.fixture
def tidy(cluster: Cluster) -> Iterator[Cluster]:
    """The same, whole, and with no containers but arpanet's."""
    cluster.mend()
    yield cluster
    cluster.tidy()
