"""What ``arpanet up`` makes of ARPANET_MASTERS, and of a token."""

import pytest

from arpanet import settings
from arpanet.cli.up import roles
from arpanet.errors import ArpanetError
from arpanet.records import Formation


@pytest.mark.parametrize(
    ("masters", "expected"),
    [
        (None, Formation(boot=True)),
        ("10.0.0.1", Formation(boot=True)),
        ("10.0.0.1:4001", Formation(boot=True)),
        ("10.0.0.1,10.0.0.2:4001,10.0.0.3", Formation(peers=("10.0.0.2", "10.0.0.3"))),
        ("10.0.0.2,10.0.0.3", None),
    ],
)
def test_masters_decide(masters, expected, tmp_path):
    environment = {"HOME": str(tmp_path), "ARPANET_IP": "10.0.0.1"}
    if masters:
        environment["ARPANET_MASTERS"] = masters
    assert roles(settings.load(settings.CORE, environment=environment), None) == expected


def test_an_option_wins(tmp_path):
    asked = Formation(token="http://x/y")
    environment = {"HOME": str(tmp_path), "ARPANET_IP": "10.0.0.1", "ARPANET_MASTERS": "10.0.0.2"}
    assert roles(settings.load(settings.CORE, environment=environment), asked) == asked


JOIN = ("up", "--slave-only", "--join", "10.0.0.1:7002", "arp1-x")


def test_to_join_comes_first(arpanet, recorder):
    recorder.fails = ArpanetError("the master at 10.0.0.1:7002 says: no")
    done = arpanet("--set", "ARPANET_MASTERS=10.0.0.1", *JOIN)
    assert (done.code, recorder.heard) == (1, [("host.join", ("10.0.0.1:7002", "arp1-x"))])
    assert "says: no" in done.err


def test_who_joins_knows_the_masters(arpanet, recorder):
    """Else it would begin a cluster of its own."""
    done = arpanet(*JOIN)
    assert (done.code, recorder.heard) == (2, [])
    assert "--join needs to know the masters; set ARPANET_MASTERS in ~/.arpanetrc" in done.err
