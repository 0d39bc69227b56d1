"""A cluster as it is by default: no port answers a stranger, and a slave can't hurt the others."""

import json
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from arpanet_lab.host import Host

from tests.conftest import wait_for
from tests.lab.cluster import (
    PATIENCE,
    WHOLE,
    Cluster,
    client,
    fails,
    own,
    rows,
    run,
    serve,
    services,
    where,
    write_rc,
)
from tests.lab.looks import pid_of, status
from tests.lab.programs import DIAL, ECHO, SCAN, WATCH
from tests.support.labs import lab_of

#: What listens on a host that is master and slave.
PORTS = {"etcd": 4001, "its peers": 7001, "enrolment": 7002}


@pytest.fixture(scope="module")
def secure() -> Iterator[Cluster]:
    """host1 and host2 are masters and slaves, host3 is a slave: each is made in another way."""
    with lab_of("i", 3) as lab:
        found = Cluster(lab)
        one, two, three = found.hosts
        for host in found.hosts:
            masters = f"{one.ip},{two.ip}"
            # they hold for half an hour, so agents look often whether others are wanted
            write_rc(host, ARPANET_IP=host.ip, ARPANET_MASTERS=masters, ARPANET_CERT_DAYS="0.02")
        said = one.run(["arpanet", "master", "start", "--peers", "boot"], timeout=PATIENCE).stderr
        line = next(one for one in said.splitlines() if one.startswith("  arpanet join "))
        run(one, "arpanet slave start")
        bundle = run(one, f"arpanet certs issue host2 --ip {two.ip} --role master")
        run(two, "arpanet join --bundle -", input=bundle)
        run(two, "arpanet up")
        _, _, place, _, token = line.split()
        run(three, f"arpanet up --join {place} {token}")
        yield found


@contextmanager
def running(host: Host, words: list[str]) -> "Iterator[subprocess.Popen[str]]":
    """Run a program there for as long as this lasts."""
    one = host.popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield one
    finally:
        one.kill()
        one.communicate()


def etcdctl(host: Host, line: str) -> "tuple[int, str]":
    done = host.run(["arpanet", "etcdctl", *line.split()], check=False, timeout=PATIENCE)
    return done.returncode, done.stdout + done.stderr


def test_a_bundle_and_up_make_a_whole_host_and_so_does_up_with_a_token(secure):
    one, two, three = secure.hosts
    slave = [name for name in WHOLE if name not in ("arpanet_etcd", "arpanet_master")]
    assert (sorted(own(two)), sorted(own(three))) == (WHOLE, slave)
    serve(one)
    for host in (two, three):
        client(host, "--label connect.6379=redis")
        wait_for(lambda host=host: where(host, "localhost") == "host1")
    secure.tidy()


@pytest.mark.parametrize("port", PORTS.values(), ids=PORTS)
@pytest.mark.parametrize("place", ["a host", "a container"])
def test_no_port_of_a_master_answers_a_stranger(secure, port, place):
    """Neither to plain HTTP nor to TLS without a certificate of the cluster's; but for the CA."""
    one, _, three = secure.hosts
    inside: list[str] = []
    if place == "a container":
        secure.tidy()
        client(three, "", "stranger")
        inside = ["nsenter", "-t", str(pid_of(three, "stranger")), "-n"]
        # it reaches the master: what it doesn't hear, it is not told
        reach = f"exec 3<>/dev/tcp/{one.ip}/{port}"
        three.run([*inside, "bash", "-c", reach])
    script = f"exec 3<>/dev/tcp/{one.ip}/{port}; printf 'GET /version HTTP/1.0\\r\\n\\r\\n' >&3"
    said = three.run([*inside, "bash", "-c", f"{script}; timeout 5 cat <&3"], check=False).stdout
    assert said in ("", "Client sent an HTTP request to an HTTPS server.\n") or "400" in said
    assert "etcdserver" not in said
    url = f"https://{one.ip}:{port}"
    for path in ("/version", "/health", "/members", "/v3/kv/range", "/v2/keys", "/metrics", "/"):
        code = "import sys, urllib.request as u, ssl; c = ssl._create_unverified_context();"
        code += "print(u.urlopen(sys.argv[1], context=c, timeout=5).status)"
        done = three.run([*inside, "python3", "-c", code, url + path], check=False)
        assert done.stdout == "", (url + path, done.stdout)


def test_a_container_with_net_admin_changes_its_own_links_alone(secure):
    """All rules, routes and links of its network namespace gone: its neighbour's link works on."""
    one, _, three = secure.hosts
    secure.tidy()
    serve(one)
    client(three, "--label connect.6379=redis")
    client(three, "--label connect.6379=redis --cap-add NET_ADMIN", "thief")
    for name in ("client", "thief"):
        wait_for(lambda name=name: where(three, "localhost", name) == "host1")
    # as a process of that container has it: in no other namespace, with no other right
    alone = "--bounding-set=-all,+net_admin"
    rights = ["setpriv", alone, "--inh-caps=-all,+net_admin", "bash"]
    inside = ["nsenter", "-t", str(pid_of(three, "thief")), "-n"]
    for line in ("nft flush ruleset", "ip route flush table main", "ip link set lo down"):
        three.run([*inside, *rights, "-c", line])
    wait_for(lambda: where(three, "localhost", "thief") != "host1")
    assert where(three, "localhost") == "host1"
    secure.tidy()


def test_nothing_else_listens_where_others_reach_it(secure):
    """Of arpanet's; what a host's containers publish is theirs."""
    secure.tidy()
    one, _, three = secure.hosts
    for host, expected in ((one, set(PORTS.values())), (three, set())):
        assert (bound(host, "t"), bound(host, "u")) == (expected, set())


def bound(host: Host, protocol: str) -> set[int]:
    """Return the ports that the kernel of *host* knows somebody at, by TCP (t) or UDP (u)."""
    lines = run(host, f"ss -Hln{protocol}").splitlines()
    found = (line.split()[3].rpartition(":") for line in lines)
    everywhere = (host.ip, "0.0.0.0", "*", "[::]")
    return {int(port) for ip, _, port in found if ip.partition("%")[0] in everywhere}


def test_a_scan_from_outside_finds_no_other_port_and_none_on_a_slave(secure):
    """What these answer a stranger, the test of each port tells; one that echoes is found."""
    secure.tidy()
    one, two, three = secure.hosts
    scan = [sys.executable, "-I", "-c", SCAN]
    for host, expected in ((one, set(PORTS.values())), (three, set())):
        with running(host, ["python3", "-c", ECHO, host.ip]) as echo:
            assert echo.stdout.readline() == "here\n"
            assert bound(host, "u") == {5353}
            found = two.run([*scan, host.ip], timeout=PATIENCE).stdout
        assert set(map(int, found.split())) == {*expected, -5353}


def test_every_host_asks_etcd_without_saying_who_it_is(secure):
    for host in secure.hosts:
        assert "/arpanet/hosts/host1" in etcdctl(host, "get /arpanet/hosts/ --prefix")[1]
        assert len(rows(host, "hosts")) == 2
        assert {row["host"] for row in rows(host, "certs")} == {"host1", "host2", "host3"}


def test_so_does_one_without_an_etcdctl_of_its_own(secure, monkeypatch):
    """By the one in its etcd's container, or by one in a container of its own."""
    _, two, three = secure.hosts
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    for host in (two, three):
        assert "/arpanet/hosts/host1" in etcdctl(host, "get /arpanet/hosts/ --prefix")[1]
    code, said = etcdctl(three, "put /arpanet/hosts/host1 x")
    assert (code != 0, "permission denied" in said) == (True, True)


@pytest.mark.parametrize(
    "line",
    [
        "put /arpanet/hosts/host1 x",
        "put /arpanet/instances/host1/host1:x:1 x",
        "del /arpanet/instances/host1/ --prefix",
        "put /arpanet/identity/public/hosts/host3 x",
        "get /arpanet/vault/ --prefix",
        "put /arpanet/services/redis/host1:redis:6379 10.6.6.6:1",
        "put /arpanet/services/redis/host3:x:1 10.6.6.6:1",
        "put /x y",
        "member remove 1",
        "user list",
        "user add thief --no-password",
        "auth disable",
        "snapshot save /tmp/stolen",
    ],
)
def test_what_a_stolen_slave_may_not_do(secure, line):
    code, said = etcdctl(secure.hosts[2], line)
    assert code != 0
    assert "permission denied" in said


def test_a_slaves_certificate_opens_no_peers_port(secure):
    one, _, three = secure.hosts
    assert not answers(three, one.ip, 7001)
    assert answers(three, one.ip, 4001)
    assert answers(one, one.ip, 7001)


def answers(host: Host, ip: str, port: int, place: Path | None = None) -> bool:
    """Return whether TLS with the certificate of *host*, or that in *place*, is answered at all."""
    trusted = host.home / ".arpanet/host"
    place = place or trusted
    context = ssl.create_default_context(cafile=str(trusted / "ca.pem"))
    context.load_cert_chain(place / "host.pem", place / "host.key")
    with (
        suppress(OSError),
        socket.create_connection((ip, port), 5) as plain,
        context.wrap_socket(plain, server_hostname=ip) as secure,
    ):
        secure.sendall(b"GET /version HTTP/1.0\r\n\r\n")
        return secure.recv(12).startswith(b"HTTP/1.0 200")
    return False


def test_who_has_no_certificate_starts_nothing(secure):
    three = secure.hosts[2]
    kept = three.home / ".arpanet"
    away = kept.rename(three.home / "away")
    try:
        for line in ("master start --peers 10.255.255.1", "slave start"):
            code, said = fails(three, f"arpanet {line}")
            assert (code, "this host is not let in yet" in said) == (3, True)
    finally:
        if kept.exists():
            kept.rmdir()
        away.rename(kept)


def test_a_slave_becomes_no_master(secure):
    one, _, three = secure.hosts
    _, said = fails(three, f"arpanet master start --peers {one.ip}:7001")
    assert "this host was let in as a slave" in said
    assert len(rows(one, "hosts")) == 2


def test_secrets_are_in_no_inspect_log_image_or_process_list(secure):
    one = secure.hosts[0]
    place = one.home / ".arpanet"
    secrets = [(place / name).read_text().strip() for name in ("host/password", "ca/secret")]
    secrets += [(place / key).read_text().splitlines()[1] for key in ("host/host.key", "ca/ca.key")]
    seen = [run(one, "ps axww -o args"), run(one, "ps axeww -o args")]
    for name in run(one, "docker ps -a --format {{.Names}}").split():
        seen.append(run(one, f"docker inspect {name}"))
        done = one.run(["docker", "logs", name])
        seen += [done.stdout, done.stderr]
    assert not [secret for secret in secrets for text in seen if secret in text]
    image = run(one, "docker inspect -f {{.Image}} arpanet_master")
    saved = one.home / "saved.tar"
    run(one, f"docker save -o {saved} {image}")
    data = saved.read_bytes()
    saved.unlink()
    assert b"class IdentityPlugin" in data  # it can be looked into
    assert not [secret for secret in secrets if secret.encode() in data]


@contextmanager
def watching(host: Host, master: Host) -> "Iterator[subprocess.Popen[str]]":
    words = ["python3", "-c", WATCH, master.ip, host.name, str(host.home / ".arpanet/host")]
    with running(host, words) as one:
        assert "created" in one.stdout.readline()
        yield one


def test_who_is_shut_out_is_so_on_every_master_within_ten_seconds(secure):
    """Its certificate, its password, and the connections that it has open."""
    one, two, three = secure.hosts
    with watching(three, one) as here, watching(three, two) as there, watching(two, one) as honest:
        run(one, "arpanet certs revoke host3")
        revoked = time.monotonic()
        wait_for(lambda: None not in (here.poll(), there.poll()), 10)
        assert honest.poll() is None
    try:
        left = revoked + 10 - time.monotonic()
        wait_for(lambda: not any(answers(three, host.ip, 4001) for host in (one, two)), left)
        assert fails(three, "arpanet services")[0] == 5
        assert "host3" not in {row["host"] for row in rows(one, "certs")}
    finally:
        for file in (three.home / ".arpanet/host").iterdir():
            file.unlink()
        bundle = run(one, f"arpanet certs issue host3 --ip {three.ip}")
        run(three, "arpanet join --bundle -", input=bundle)
    wait_for(lambda: answers(three, one.ip, 4001))
    run(three, "arpanet slave start")
    serve(three)
    wait_for(lambda: "redis" in services(one))


def test_the_ca_is_changed_under_load_and_no_link_notices(secure):
    """Its command is killed and run again; a master's agent is killed in the middle."""
    one, two, three = secure.hosts
    secure.tidy()
    serve(one)
    client(three, "--label connect.6379=redis")
    wait_for(lambda: where(three, "localhost") == "host1")
    before = (one.home / ".arpanet/ca/ca.pem").read_text()
    of_before = three.home / "of-before"
    shutil.copytree(three.home / ".arpanet/host", of_before)
    inside = ["nsenter", "-t", str(pid_of(three, "client")), "-n", "python3", "-c", DIAL]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    dialling = three.popen(inside, **pipes)
    try:
        asked = one.popen(["arpanet", "certs", "rotate"], stderr=subprocess.PIPE, text=True)
        assert "open tokens" in asked.stderr.readline()
        assert "step 1 of 3" in asked.stderr.readline()
        asked.kill()
        asked.communicate()
        run(two, f"kill -9 {pid_of(two, 'arpanet_master')}")
        # while etcd begins anew, it may not be known
        assert "is being changed" in wait_for(lambda: status(three).get("ca")).detail
        done = one.run(["arpanet", "certs", "rotate"], timeout=4 * PATIENCE)
        assert "the cluster's CA was changed" in done.stderr
    finally:
        said, _ = dialling.communicate("", timeout=PATIENCE)
    dials, failed = json.loads(said)
    assert (dials > 100, failed) == (True, [])
    after = {(host.home / ".arpanet/ca/ca.pem").read_text() for host in (one, two)}
    assert len(after) == 1
    assert before not in after
    for host in (one, two):
        assert answers(three, host.ip, 4001)
        assert not answers(three, host.ip, 4001, of_before)
    wait_for(lambda: (three.home / ".arpanet/host/ca.pem").read_text() in after, 60)
    assert "/arpanet/hosts/host1" in etcdctl(three, "get /arpanet/hosts/ --prefix")[1]
    assert "ca" not in status(three)
    secure.tidy()


def test_plain_ports_only_when_asked_and_said_each_time(clean_lab):
    host = clean_lab.hosts[0]
    write_rc(host, ARPANET_IP=host.ip)
    done = subprocess.run(
        host.command(["arpanet", "--insecure", "master", "start", "--peers", "boot"]),
        env=host.environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    words = "ARPANET_TLS is off: whoever reaches this cluster's ports may change it"
    assert done.stderr.count(words) == 1
    write_rc(host, ARPANET_IP=host.ip, ARPANET_TLS="off")
    said = {row["part"]: row["detail"] for row in json.loads(run(host, "arpanet status -f json"))}
    assert words in said["identity"]
    assert run(host, "arpanet etcdctl set /x 1") == "1"


def test_masters_that_know_no_address_meet_by_a_token(clean_lab):
    """The original README's lines, with 'arpanet join' between; any etcd keeps the token."""
    keeper, one, two = clean_lab.hosts
    write_rc(keeper, ARPANET_IP=keeper.ip, ARPANET_TLS="off")
    run(keeper, "arpanet master start --peers boot")
    for host in (one, two):
        write_rc(host, ARPANET_IP=host.ip)
    token = run(one, f"arpanet master token --etcd http://{keeper.ip}:4001")
    line = f"arpanet master start --token {token}"
    run(one, line)
    code, said = fails(two, line)
    assert (code, f"host2 at {one.ip}:7001 has taken this token" in said) == (3, True)
    assert "'arpanet token create --role master' prints the line to run here" in said
    assert run(two, "docker ps -aq") == ""
    run(two, run(one, "arpanet token create --role master"))
    run(two, line)
    assert [row["name"] for row in rows(two, "hosts")] == ["host2", "host3"]
    before = own(two)
    for host in (one, two):
        run(host, line)
    assert own(two) == before
    run(one, "docker rm -f arpanet_etcd")
    run(one, "docker volume rm arpanet_etcd_data")
    said = fails(one, line)[1]
    assert f"no data of it; join its cluster with --peers {two.ip}:7001" in said
    assert run(one, "docker volume ls -q --filter name=arpanet_etcd_data") == ""
