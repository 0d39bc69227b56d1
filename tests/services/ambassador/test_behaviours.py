"""The table of behaviours, on every plane."""

import pytest

from tests.services.ambassador.behaviours import BEHAVIOURS, Stage
from tests.services.ambassador.behaviours.stage import ONE, PORT, TWO
from tests.services.ambassador.lan import SERVERS6
from tests.services.ambassador.planes import PLANES

CASES = [
    pytest.param(plane, one, id=f"{plane}-{one.name}")
    for plane in PLANES
    for one in BEHAVIOURS
    if one.needs <= PLANES[plane].gives
]


@pytest.fixture(scope="module", autouse=True)
def servers(module_lan):
    for ip, port in (ONE, TWO, (ONE[0], PORT + 1), (SERVERS6, PORT)):
        module_lan.serve(ip, port)
    for ip, port in (ONE, TWO):
        module_lan.answer(ip, port)


@pytest.mark.parametrize(("plane", "behaviour"), CASES)
def test_behaviour(module_lan, plane, behaviour):
    with PLANES[plane].ready(module_lan) as carrier:
        stage = Stage(module_lan, carrier)
        try:
            behaviour.run(stage)
        finally:
            stage.end()
