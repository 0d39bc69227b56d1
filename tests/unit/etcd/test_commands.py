"""``arpanet etcdctl`` and ``master token`` where no master answers: what a person sees of it."""

import pytest

from arpanet.__main__ import main


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run ``arpanet ...`` on a host whose only master listens nowhere, without Docker."""
    given = {"HOME": str(tmp_path), "ARPANET_TLS": "off", "ARPANET_MASTERS": "127.0.0.1:1"}
    given |= {"ARPANET_IP": "127.0.0.1", "DOCKER_HOST": f"unix://{tmp_path}/no.sock"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    def run(line):
        return main(line.split()), *capsys.readouterr()

    return run


@pytest.mark.parametrize("line", ["etcdctl ls /", "master token"])
def test_who_waits_sees_so_on_a_terminal_only(run, show, line):
    code, out, err = run(line)
    assert (code, out, err.count("\n")) == (5, "", 1)
    terminal = show()
    assert run(line)[:2] == (5, "")
    assert "asking the masters" in terminal.getvalue()


def test_with_certificates_a_token_is_kept_where_everybody_is_answered(run, monkeypatch):
    """The masters answer no host that was not let in yet; the etcd that is named is asked."""
    monkeypatch.setenv("ARPANET_TLS", "on")
    for line in ("master token", "master token --etcd 127.0.0.1:1"):
        code, out, err = run(line)
        assert (code, out) == (2, "")
        assert "not let in yet, whom these masters don't answer; name an etcd that does: --e" in err
    assert run("master token --etcd http://127.0.0.1:1")[0] == 5
