"""``install core``: what daemon.json becomes, and who may change a host."""

import json

import pytest

from arpanet.errors import ArpanetError
from arpanet.host import provision

ADDRESS = "tcp://10.0.0.1:2375"
SOCKET = "unix:///var/run/docker.sock"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", {"hosts": [SOCKET, ADDRESS]}),
        ("", {"hosts": [SOCKET, ADDRESS]}),
        (
            '{"log-driver": "journald", "hosts": ["fd://"]}',
            {"log-driver": "journald", "hosts": ["fd://", ADDRESS]},
        ),
        (json.dumps({"hosts": [SOCKET, ADDRESS]}), None),
    ],
)
def test_daemon_json_keeps_what_it_says(text, expected):
    merged = provision.merge_hosts(text, ADDRESS, "daemon.json")
    assert (json.loads(merged) if merged else None) == expected


@pytest.mark.parametrize("text", ["{", "[]", '{"hosts": "x"}'])
def test_daemon_json_that_is_none_is_left_alone(text):
    with pytest.raises(ArpanetError, match=r"daemon\.json .*; mend it first"):
        provision.merge_hosts(text, ADDRESS, "daemon.json")


def test_only_root_changes_a_host(monkeypatch, tmp_path):
    monkeypatch.setattr(provision, "_engine_answers", lambda: True)
    monkeypatch.setattr(provision, "FORWARDING", tmp_path / "ip_forward")
    monkeypatch.setattr(provision.os, "geteuid", lambda: 1000)
    (tmp_path / "ip_forward").write_text("0\n")
    with pytest.raises(ArpanetError, match="only root can turn on IP forwarding; run it with sudo"):
        provision.core(None, docker_tcp=False)
    assert (tmp_path / "ip_forward").read_text() == "0\n"


def test_forwarding_is_turned_on_for_good(monkeypatch, tmp_path):
    said = []
    context = type("C", (), {"say": staticmethod(said.append)})()
    monkeypatch.setattr(provision, "_engine_answers", lambda: True)
    monkeypatch.setattr(provision, "FORWARDING", tmp_path / "ip_forward")
    monkeypatch.setattr(provision, "SYSCTL", tmp_path / "sysctl.d" / "60-arpanet.conf")
    monkeypatch.setattr(provision.os, "geteuid", lambda: 0)
    (tmp_path / "ip_forward").write_text("0\n")
    for _ in range(2):
        provision.core(context, docker_tcp=False)
    assert (tmp_path / "ip_forward").read_text() == "1\n"
    assert "ip_forward = 1" in provision.SYSCTL.read_text()
    assert len(said) == 1
