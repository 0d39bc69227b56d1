"""What ``arpanet up`` makes of ARPANET_MASTERS, and of a token."""

import pytest

from arpanet import settings
from arpanet.cli.up import roles
from arpanet.errors import ArpanetError
from arpanet.host import provision
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


JOIN = ("up", "--slave-only", "--join", "10.0.0.1:7002", "--join-token", "arp1-x")


def test_to_join_comes_first(arpanet, recorder):
    recorder.fails = ArpanetError("the master at 10.0.0.1:7002 says: no")
    done = arpanet(*JOIN)
    assert (done.code, recorder.heard) == (1, [("host.join", ("10.0.0.1:7002", "arp1-x"))])
    assert "says: no" in done.err


def test_run_again_it_is_in_already(arpanet, recorder, tmp_path, monkeypatch):
    monkeypatch.setattr(provision, "core", lambda *_, **__: None)
    host = tmp_path / ".arpanet" / "host"
    host.mkdir(parents=True)
    for name in ("ca.pem", "host.pem", "host.key"):
        (host / name).touch()
    done = arpanet("--set", "ARPANET_TLS=on", *JOIN)
    assert done.code == 0, done.err
    assert [event for event, _ in recorder.heard] == ["install", "install", "slave.start"]
