"""Drills, rehearsed: shorter than they are meant, but each with its whole promise."""

import logging
import os
from collections.abc import Iterator

import pytest
from arpanet_lab.drills.catalogue import DRILLS
from arpanet_lab.drills.drill import Drill, breaches
from arpanet_lab.drills.runner import DISK, hold, prepare, row
from arpanet_lab.drills.site import Site

from tests.conftest import SLOW, wait_for
from tests.support.labs import lab_of

#: Each takes about a minute: all of them are held by ``tox -e drills``.
ALL = "DRILLS" in os.environ
CHOSEN = [d for d in DRILLS if ALL or d.name in ("registrators-frozen", "wiped")]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Three hosts with services in use; where all drills are held, with disks that can be full."""
    with lab_of("d", 3, disk=DISK if ALL else 0) as lab:
        yield prepare(lab, full=False)


@pytest.mark.parametrize("drill", CHOSEN, ids=lambda drill: drill.name)
def test_the_promise_is_kept(site: Site, drill: Drill) -> None:
    outcome = hold(site, drill)
    logging.getLogger(__name__).info("%s", row(outcome))
    assert outcome.dialled > 0
    assert not breaches(outcome, SLOW)


def test_a_master_that_docker_gave_up_is_started_again(site: Site) -> None:
    """Docker tries until one attempt fails: here since it can't write, as when its disk is full."""
    host = site.hosts[1]

    def etcd(what: str) -> str:
        form = f"{{{{.{what}}}}}"
        return host.run(["docker", "inspect", "-f", form, "arpanet_etcd"]).stdout.strip()

    place, aside = host.docker_data / "containers" / etcd("Id"), host.docker_data / "aside"
    place.rename(aside)
    place.touch()  # a directory that lacks, Docker would make
    try:
        host.run(["kill", "-9", etcd("State.Pid")])
        wait_for(lambda: etcd("State.Error"), SLOW)
        assert etcd("State.Status") == "exited"
    finally:
        place.unlink()
        aside.rename(place)
    assert site.heal() == []
    assert etcd("State.Status") == "running"
