"""``install core --docker-tcp``: what becomes of a distribution's own configuration."""

import json
from types import SimpleNamespace

import pytest

from arpanet.errors import ArpanetError, EngineUnreachable, SettingsError
from arpanet.host import tcp
from arpanet.progress import Progress
from arpanet.settings import CORE, Settings, Source

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
    merged = tcp.merge_hosts(text, ADDRESS, "daemon.json")
    assert (json.loads(merged) if merged else None) == expected


@pytest.mark.parametrize("text", ["{", "[]", '{"hosts": "x"}'])
def test_daemon_json_that_is_none_is_left_alone(text):
    with pytest.raises(ArpanetError, match=r"daemon\.json .*; mend it first"):
        tcp.merge_hosts(text, ADDRESS, "daemon.json")


DEBIAN = """\
# /lib/systemd/system/docker.service
[Service]
EnvironmentFile=-/etc/default/docker
ExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS
ExecReload=/bin/kill -s HUP $MAINPID
"""
DOCKER_CE = """\
# /usr/lib/systemd/system/docker.service
[Service]
# the default is not to use systemd for cgroups
ExecStart=/usr/bin/dockerd -H fd:// \\
    --containerd=/run/containerd/containerd.sock
"""
OURS = f"\n# {tcp.DROP_IN}\n[Service]\nExecStart=\nExecStart=/usr/bin/dockerd -H tcp://old:1\n"
THEIRS = (
    "\n# /etc/systemd/system/docker.service.d/o.conf\n[Service]\nExecStart=\nExecStart=/d --x\n"
)
CONTAINERD = "--containerd=/run/containerd/containerd.sock"


@pytest.mark.parametrize(
    ("unit", "words", "sockets"),
    [
        (DEBIAN, f"/usr/sbin/dockerd -H fd:// {CONTAINERD} $DOCKER_OPTS", True),
        (DOCKER_CE, f"/usr/bin/dockerd -H fd:// {CONTAINERD}", True),
        (DEBIAN + OURS, f"/usr/sbin/dockerd -H fd:// {CONTAINERD} $DOCKER_OPTS", True),
        (DEBIAN + THEIRS + OURS, "/d --x", False),
        ("", "", False),
    ],
)
def test_docker_is_started_as_its_own_unit_does(unit, words, sockets):
    command = tcp.command_line(unit)
    assert command.split() == words.split()
    assert tcp.names_sockets(command) == sockets


@pytest.fixture
def host(monkeypatch, tmp_path):
    """A host with systemd, whose Docker listens where it is told unless the test says otherwise."""
    host = SimpleNamespace(ran=[], unit=DEBIAN, broken=False, came=[], said=[])

    def run(*command):
        host.ran.append(" ".join(command))
        return host.unit if "cat" in command else ""

    def wait(ip="", port=0, by_pid=False):
        host.came.append((ip, port, tcp.DROP_IN.exists(), tcp.DAEMON.exists()))
        if host.broken and ip:
            raise EngineUnreachable("Docker ended soon after its start")

    for name, value in {
        "DROP_IN": tmp_path / "docker.service.d" / "60-arpanet.conf",
        "DAEMON": tmp_path / "daemon.json",
        "has_systemd": lambda: True,
        "run": run,
        "service": lambda verb: run("systemctl", verb, "docker"),
        "wait": wait,
        "need_root": lambda _: None,
    }.items():
        monkeypatch.setattr(tcp, name, value)
    monkeypatch.setattr(tcp.addresses, "check_local", lambda _: None)
    monkeypatch.setattr(tcp.addresses, "port_free", lambda *_: True)
    given = {"ARPANET_IP": "10.0.0.1", "ARPANET_TLS": "off"}
    settings = Settings(CORE, {name: Source(text, "option") for name, text in given.items()})
    say = host.said.append
    host.context = SimpleNamespace(settings=settings, say=say, progress=Progress(say))
    return host


def test_a_unit_that_names_sockets_gets_one_more(host):
    tcp.bind(host.context)
    command = tcp.command_line(DEBIAN)
    assert tcp.DROP_IN.read_text().endswith(f"\nExecStart=\nExecStart={command} -H {ADDRESS}\n")
    assert host.came == [("10.0.0.1", 2375, True, False)]
    assert host.ran[1:] == ["systemctl daemon-reload", "systemctl restart docker"]
    host.unit += f"\n# {tcp.DROP_IN}\n{tcp.DROP_IN.read_text()}"
    tcp.bind(host.context)
    assert len(host.came) == 1
    assert "already" in host.said[-2]


def test_with_tls_who_dials_shows_a_certificate(host, tmp_path, monkeypatch):
    given = {"ARPANET_IP": "10.0.0.1", "ARPANET_IDENTITY": str(tmp_path / "a b")}
    host.context.settings = Settings(CORE, {n: Source(t, "option") for n, t in given.items()})
    with pytest.raises(SettingsError, match="this host is not let in yet"):
        tcp.bind(host.context)
    assert host.ran == []
    monkeypatch.setattr(tcp.identity.Identity, "check", lambda _: None)
    tcp.bind(host.context)
    last = tcp.DROP_IN.read_text().splitlines()[-1]
    assert " -H tcp://10.0.0.1:2376 --tlsverify --tlscacert='" in last
    assert last.endswith(f"--tlskey='{tmp_path}/a b/host/host.key'")
    host.unit = ""
    tcp.bind(host.context)
    written = json.loads(tcp.DAEMON.read_text())
    assert written["tlsverify"] is True
    assert written["tlscert"] == f"{tmp_path}/a b/host/host.pem"
    tcp.bind(host.context)
    assert "is root on this host, also one that is revoked, until its" in host.said[-1]
    assert len(host.came) == 2


def test_a_unit_that_names_none_leaves_it_to_daemon_json(host):
    host.unit = DEBIAN + THEIRS
    tcp.bind(host.context)
    assert json.loads(tcp.DAEMON.read_text())["hosts"] == [SOCKET, ADDRESS]
    assert not tcp.DROP_IN.exists()


@pytest.mark.parametrize("unit", [DEBIAN, DEBIAN + THEIRS])
def test_a_docker_that_does_not_come_back_is_put_back(host, unit):
    host.unit, host.broken = unit, True
    with pytest.raises(ArpanetError, match=r"did not come back .*soon after.*; it runs again as"):
        tcp.bind(host.context)
    assert not tcp.DROP_IN.exists() and not tcp.DAEMON.exists()
    assert host.came[-1] == ("", 0, False, False)


def test_a_port_in_use_is_told_before_anything_is_changed(host, monkeypatch):
    monkeypatch.setattr(tcp.addresses, "port_free", lambda *_: False)
    with pytest.raises(ArpanetError, match=r"listens on 10\.0\.0\.1:2375 already; set DOCKER_PORT"):
        tcp.bind(host.context)
    assert host.ran == ["systemctl cat docker.service"]
