"""Three real hosts for all tests here."""

from collections.abc import Iterator

import pytest
from arpanet_lab.lab import Lab

from tests.lab.cluster import Cluster, run
from tests.labs import clean, lab_of

#: Removes the containers of a host that are not arpanet's.
REMOVE_OTHERS = """
own=$(docker ps -aq --filter label=arpanet.part)
for id in $(docker ps -aq); do
    case "$own" in *"$id"*) ;; *) docker rm -fv "$id" ;; esac
done
"""


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Three hosts with the images redis and busybox."""
    with lab_of("l", 3) as lab:
        lab.load_image("redis")
        lab.load_image("busybox")
        yield lab


@pytest.fixture
def clean_lab(lab: Lab) -> Iterator[Lab]:
    """The same, whole and without containers, before the test and after it."""
    _mend(lab)
    yield lab
    _mend(lab)


def _mend(lab: Lab) -> None:
    for line in lab.status():
        if line.power == "off":
            lab.start(line.host)
        lab.heal(line.host)
        clean(lab.host(line.host))


@pytest.fixture(scope="module")
def cluster(lab: Lab) -> Iterator[Cluster]:
    """Three hosts, each a master and a slave."""
    _mend(lab)
    found = Cluster(lab)
    found.form()
    yield found
    _mend(lab)


@pytest.fixture
def tidy(cluster: Cluster) -> Iterator[Cluster]:
    """The same, with all hosts up and no containers but arpanet's afterwards."""
    yield cluster
    for line in cluster.lab.status():
        if line.power == "off":
            cluster.lab.start(line.host)
        cluster.lab.heal(line.host)
    for host in cluster.hosts:
        run(host, "sh", input=REMOVE_OTHERS)
