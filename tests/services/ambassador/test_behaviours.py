"""The table of behaviours, on every plane."""

import pytest

from tests.services.ambassador.behaviours import BEHAVIOURS, LACKS, Stage
from tests.services.ambassador.behaviours.stage import ONE, PORT, TWO
from tests.services.ambassador.lan import SERVERS6
from tests.services.ambassador.planes import PLANES

#: Plane -> need -> the case that shows what happens instead.
LACKING = {plane: {one.need: one for one in LACKS if plane in one.planes} for plane in PLANES}


def cases():
    """Each behaviour, or what happens instead of it: once for all that lack the same."""
    for plane, lacking in LACKING.items():
        for one in BEHAVIOURS:
            if lacking.keys().isdisjoint(one.needs):
                yield pytest.param(plane, one.run, id=f"{plane}-{one.name}")
        for lack in lacking.values():
            yield pytest.param(plane, lack.run, id=f"{plane}-instead-{lack.run.__name__}")


@pytest.fixture(scope="module", autouse=True)
def servers(module_lan):
    for ip, port in (ONE, TWO, (ONE[0], PORT + 1), (SERVERS6, PORT)):
        module_lan.serve(ip, port)
    for ip, port in (ONE, TWO):
        module_lan.answer(ip, port)


@pytest.mark.parametrize(("plane", "run"), list(cases()))
def test_behaviour(module_lan, plane, run):
    with PLANES[plane].ready(module_lan) as carrier:
        stage = Stage(module_lan, carrier)
        try:
            run(stage)
        finally:
            stage.end()
