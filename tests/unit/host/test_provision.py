"""``install core``: who may change a host, and what is changed."""

import pytest

from arpanet.errors import ArpanetError
from arpanet.host import provision, service
from tests.support.stand_in import stand_in


def test_only_root_changes_a_host(monkeypatch, tmp_path):
    monkeypatch.setattr(provision, "answers", lambda: True)
    monkeypatch.setattr(provision, "FORWARDING", tmp_path / "ip_forward")
    stand_in(monkeypatch, service, "os", geteuid=lambda: 1000)
    (tmp_path / "ip_forward").write_text("0\n")
    with pytest.raises(ArpanetError, match="only root can turn on IP forwarding; run it with sudo"):
        provision.core(None, docker_tcp=False)
    assert (tmp_path / "ip_forward").read_text() == "0\n"


def test_forwarding_is_turned_on_for_good(monkeypatch, tmp_path):
    said = []
    context = type("C", (), {"say": staticmethod(said.append)})()
    monkeypatch.setattr(provision, "answers", lambda: True)
    monkeypatch.setattr(provision, "FORWARDING", tmp_path / "ip_forward")
    monkeypatch.setattr(provision, "SYSCTL", tmp_path / "sysctl.d" / "60-arpanet.conf")
    stand_in(monkeypatch, service, "os", geteuid=lambda: 0)
    (tmp_path / "ip_forward").write_text("0\n")
    for _ in range(2):
        provision.core(context, docker_tcp=False)
    assert (tmp_path / "ip_forward").read_text() == "1\n"
    assert "ip_forward = 1" in provision.SYSCTL.read_text()
    assert len(said) == 1
