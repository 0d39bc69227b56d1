"""Three real hosts for all tests here."""

from collections.abc import Iterator

import pytest
from arpanet_lab.lab import Lab

from tests.labs import clean, lab_of


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Three hosts with the images redis and busybox."""
    with lab_of("t", 3) as lab:
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
