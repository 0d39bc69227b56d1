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


def test_no_discovery_token_is_made_that_would_start_no_master(run, monkeypatch, tmp_path):
    """Wherever it were kept, and before anybody is asked."""
    monkeypatch.setenv("ARPANET_TLS", "on")
    code, out, err = run("master token --etcd http://127.0.0.1:1")
    assert (code, out) == (2, "")
    assert "no master is started with a discovery token; " in err
    assert "'arpanet token create --role master'" in err
    assert list(tmp_path.iterdir()) == []
