"""Real services for all tests here."""

from collections.abc import Iterator

import pytest
from arpanet_lab.engine import answers
from arpanet_lab.host import Host
from arpanet_lab.lab import Lab

from tests.support.labs import clean, lab_of


@pytest.fixture(scope="session")
def lab_of_one() -> Iterator[Lab]:
    """A lab with one host."""
    with lab_of("s", 1) as lab:
        yield lab


@pytest.fixture(scope="session")
def dockerd(lab_of_one: Lab) -> Host:
    """One host with redis, busybox and arpanet's images; its engine is at ``docker_socket``."""
    return lab_of_one.host("host1")


@pytest.fixture
def clean_dockerd(dockerd: Host, lab_of_one: Lab) -> Iterator[Host]:
    """The same, without containers before the test and after it."""
    if not answers(dockerd):  # one that was killed may hang as it starts; the next test needs one
        lab_of_one.kill(dockerd.name)
        lab_of_one.start(dockerd.name)
    clean(dockerd)
    yield dockerd
    if answers(dockerd):
        clean(dockerd)
