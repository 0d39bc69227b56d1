"""Drills, rehearsed: shorter than they are meant, but each with its whole promise."""

import logging
import os
from collections.abc import Iterator

import pytest
from arpanet_lab.drills.catalogue import DRILLS
from arpanet_lab.drills.drill import Drill, breaches
from arpanet_lab.drills.runner import DISK, hold, prepare, row
from arpanet_lab.drills.site import Site

from tests.conftest import SLOW
from tests.labs import lab_of


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Three hosts with services in use, and disks that can be full."""
    with lab_of("d", 3, disk=DISK) as lab:
        yield prepare(lab, full=False)


#: Each takes about a minute: all of them are held by ``tox -e drills``.
CHOSEN = [d for d in DRILLS if "DRILLS" in os.environ or d.name in ("registrators-frozen", "wiped")]


@pytest.mark.parametrize("drill", CHOSEN, ids=lambda drill: drill.name)
def test_the_promise_is_kept(site: Site, drill: Drill) -> None:
    outcome = hold(site, drill)
    logging.getLogger(__name__).info("%s", row(outcome))
    assert outcome.dialled > 0
    assert not breaches(outcome, SLOW)
