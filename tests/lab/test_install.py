"""``install core`` on a host: it starts what is stopped, and leaves alone what runs."""

import json
import urllib.request
from pathlib import Path

from arpanet_identity import authority
from arpanet_identity.store import Store
from arpanet_lab.host import Host
from arpanet_lab.lab import Lab

from tests.lab.cluster import run
from tests.support.certificates import issue


def configuration(host: Host) -> Path:
    """Return daemon.json as the machine sees it."""
    return Path(f"/proc/{host.pid}/root/etc/docker/daemon.json")


def test_a_running_engine_is_left_alone(clean_lab: Lab):
    host = clean_lab.hosts[0]
    before = run(host, "docker run -d --name bystander redis")
    for _ in range(2):
        run(host, "arpanet install core")
    assert run(host, "docker inspect -f {{.Id}}{{.State.Running}} bystander") == f"{before}true"
    assert run(host, "cat /proc/sys/net/ipv4/ip_forward") == "1"
    assert not configuration(host).exists() or "hosts" not in configuration(host).read_text()


def test_a_stopped_engine_is_started(clean_lab: Lab):
    host = clean_lab.hosts[0]
    host.stop_docker()
    try:
        done = host.run(["arpanet", "install", "core"], timeout=300)
        assert "core: Docker runs" in done.stderr
        assert run(host, "docker info --format {{.ID}}")
    finally:
        host.start_docker()


def test_tcp_only_when_asked_and_with_a_warning(clean_lab: Lab):
    host = clean_lab.hosts[0]
    file = configuration(host)
    before = file.read_text() if file.exists() else None
    file.write_text('{"debug": true}')
    try:
        for _ in range(2):  # the second time nothing is left to change
            words = ["arpanet", "--insecure", "install", "core", "--docker-tcp"]
            done = host.run(words, timeout=300)
            warning = [line for line in done.stderr.splitlines() if line.startswith("warning:")]
            assert len(warning) == 1
            assert "is root on this host" in warning[0]
            with urllib.request.urlopen(f"http://{host.ip}:2375/version", timeout=60) as answer:
                assert json.load(answer)["ApiVersion"]
        written = json.loads(file.read_text())
        assert written["debug"] is True
        assert written["hosts"] == ["unix:///var/run/docker.sock", f"tcp://{host.ip}:2375"]
    finally:
        if before is None:
            file.unlink()
        else:
            file.write_text(before)
        host.restart_docker()


def test_dockers_port_is_for_hosts_of_the_cluster(clean_lab: Lab):
    host, stranger, _ = clean_lab.hosts
    file = configuration(host)
    before = file.read_text() if file.exists() else None
    ask = f"docker -H tcp://{host.ip}:2376"
    version = "version -f {{.Server.Version}}"
    mine = "--tlscacert=ca.pem --tlscert=host.pem --tlskey=host.key --tlsverify"
    try:
        done = host.run(["arpanet", "install", "core", "--docker-tcp"], check=False, timeout=300)
        assert (done.returncode, "this host is not let in yet" in done.stderr) == (3, True)
        run(host, f"arpanet --set ARPANET_IP={host.ip} master start --peers boot")
        run(host, "arpanet install core --docker-tcp")
        place = host.home / ".arpanet/host"
        assert host.run(f"{ask} {mine} {version}".split(), cwd=place).stdout.strip()
        for wrong in ("", "--tls"):
            done = stranger.run(f"{ask} {wrong} {version}".split(), check=False)
            assert (done.returncode, done.stdout.strip()) == (1, "")
        ca = Store(host.home / ".arpanet").authority()
        (stranger.home / "ca.pem").write_text(authority.pem(ca.certificate))
        shown = "--tls --tlscacert=ca.pem --tlscert=h2.pem --tlskey=h2.key"
        for signer, days, taken in (
            (ca, (-1, 1), True),
            (authority.create(), (-1, 1), False),
            (ca, (-2, -1), False),
            (ca, (1, 2), False),
        ):
            issue(stranger.home, signer, "slave", days)
            line = f"{ask} {shown} {version}".split()
            done = stranger.run(line, check=False, cwd=stranger.home)
            assert (done.stdout.strip() != "") is taken, (days, done.stderr)
    finally:
        if before is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(before)
        host.restart_docker()


def test_a_docker_that_does_not_start_so_runs_again_as_before(clean_lab: Lab):
    """Its script names a socket already, as DOCKER_OPTS may; dockerd refuses to be told twice."""
    host = clean_lab.hosts[0]
    before = run(host, "docker run -d --name bystander --restart always redis")
    script = Path(f"/proc/{host.pid}/root/etc/init.d/docker")
    text = script.read_text()
    script.write_text(text.replace(" < /dev/null", " -H unix:///var/run/docker.sock < /dev/null"))
    file = configuration(host)
    had = file.read_text() if file.exists() else None
    try:
        words = ["arpanet", "--insecure", "install", "core", "--docker-tcp"]
        done = host.run(words, check=False, timeout=300)
        assert done.returncode == 1
        last = done.stderr.splitlines()[-1]
        assert "Docker did not come back listening on tcp://" in last
        assert last.endswith("it runs again as before")
        assert (file.read_text() if file.exists() else None) == had
        assert run(host, "docker inspect -f {{.Id}} bystander") == before
    finally:
        script.write_text(text)
        host.restart_docker()
