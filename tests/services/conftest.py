"""Real services for all tests here."""

from collections.abc import Iterator

import pytest
from arpanet_lab.host import Host

from tests.support.labs import clean, lab_of


@pytest.fixture(scope="session")
def dockerd() -> Iterator[Host]:
    """One host with redis, busybox and arpanet's images; its engine is at ``docker_socket``."""
    with lab_of("s", 1) as lab:
        yield lab.host("host1")


@pytest.fixture
def clean_dockerd(dockerd: Host) -> Iterator[Host]:
    """The same, without containers before the test and after it."""
    clean(dockerd)
    yield dockerd
    clean(dockerd)
