"""Masters on real hosts: forming, joining, leaving, and what goes wrong meanwhile."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from arpanet_etcd.client.gateway import Gateway
from arpanet_lab.host import Host
from arpanet_lab.lab import Lab

from arpanet.errors import RegistryError
from tests.conftest import wait_for
from tests.lab.cluster import PATIENCE, Cluster, fails, own, rows, run, write_rc
from tests.lab.looks import status

BOOT = "arpanet master start --peers boot"
#: How members find each other is the same with certificates, which test_identity is about.
PLAIN = {"ARPANET_TLS": "off"}


@pytest.fixture
def hosts(clean_lab: Lab) -> list[Host]:
    """Three hosts that know of each other; nothing runs."""
    cluster = Cluster(clean_lab)
    cluster.configure(**PLAIN)
    return cluster.hosts


def join(host: Host, peer: Host) -> str:
    return run(host, f"arpanet master start --peers {peer.ip}:7001")


def names(host: Host) -> list[str]:
    """The masters that vote, asked from *host*."""
    return [row["name"] for row in rows(host, "hosts") if not row["learner"]]


def writes(host: Host) -> bool:
    """Whether the masters take something, asked of the one on *host*."""
    with suppress(RegistryError):
        return Gateway([f"http://{host.ip}:4001"]).put("/meanwhile", "1") > 0
    return False


def untouched(host: Host) -> bool:
    return run(host, "docker ps -aq") == "" and run(host, "docker volume ls -q") == ""


def lose_data(host: Host) -> None:
    run(host, "docker rm -f arpanet_etcd")
    run(host, "docker volume rm arpanet_etcd_data")


@contextmanager
def listening(host: Host, port: int) -> Iterator[None]:
    line = f"socat TCP-LISTEN:{port},bind={host.ip},fork,reuseaddr EXEC:true"
    process = host.popen(line.split())
    try:
        wait_for(lambda: f":{port} " in run(host, "ss -ltn"))
        yield
    finally:
        process.kill()
        process.wait()


def test_boot_and_join_twice(hosts):
    one, two, three = hosts
    run(one, BOOT)
    join(two, one)
    join(three, two)
    for host in hosts:
        assert names(host) == ["host1", "host2", "host3"]
    before = [own(host) for host in hosts]
    run(one, BOOT)
    join(two, one)
    run(three, f"arpanet master start --peers {one.ip},{two.ip},{three.ip}")
    assert [own(host) for host in hosts] == before
    said = {row["part"]: row for row in rows(three, "status")}
    assert [said[part]["state"] for part in ("etcd", "masters")] == ["ok", "ok"]
    assert "3 of 3 answer; leader host" in said["masters"]["detail"]


def test_a_stopped_master_comes_back_with_its_data(hosts):
    one, two, _ = hosts
    run(one, BOOT)
    join(two, one)
    run(one, "arpanet etcdctl set /kept 1")
    run(two, "arpanet master stop")
    assert own(two) == {}
    run(one, "arpanet master stop")
    code, line = fails(two, "arpanet hosts")
    assert (code, "no master answers" in line) == (5, True)
    started = [host.popen(BOOT.split(), stderr=subprocess.PIPE, text=True) for host in (one, two)]
    for process in started:
        words = process.communicate(timeout=PATIENCE)[1]
        assert process.returncode == 0, words
    assert names(two) == ["host1", "host2"]
    assert run(two, "arpanet etcdctl get /kept") == "1"


def test_leaving(hosts):
    one, two, three = hosts
    run(one, BOOT)
    join(two, one)
    join(three, one)
    run(one, "arpanet master stop --leave")
    assert untouched(one)
    assert names(one) == ["host2", "host3"]
    run(three, "docker stop arpanet_etcd")
    _, line = fails(two, "arpanet master stop --leave")
    assert "no majority: host3 does not answer" in line
    run(three, "docker start arpanet_etcd")
    wait_for(lambda: "2 of 2 answer" in status(three)["masters"].detail)
    assert run(three, "arpanet etcdctl set /x 1") == "1"
    run(two, "arpanet master stop --leave")
    assert names(three) == ["host3"]
    _, line = fails(three, "arpanet master stop --leave")
    assert "the last master" in line
    assert "arpanet_etcd" in own(three)
    run(two, "arpanet master stop --leave")  # again: nothing to do
    join(one, three)
    assert names(one) == ["host1", "host3"]


def test_lost_data(hosts):
    one, two, three = hosts
    run(one, BOOT)
    join(two, one)
    join(three, one)
    lose_data(one)
    _, line = fails(one, BOOT)
    assert f"where a cluster runs already; join it with --peers {two.ip}:7001" in line
    join(one, two)
    assert names(one) == ["host1", "host2", "host3"]


def test_lost_data_while_the_others_are_down(hosts):
    """Nobody answers, and this host looks like a new one: but it was in a cluster."""
    one, two, _ = hosts
    run(one, BOOT)
    join(two, one)
    run(two, "arpanet master stop")
    lose_data(one)
    _, line = fails(one, BOOT)
    assert "this host is of cluster" in line
    assert "join with --peers <another master>:7001" in line
    assert untouched(one)  # all that Docker kept is lost: it is no new host for that
    run(one, line.rpartition("if that cluster is gone for good: ")[2])
    run(one, BOOT)
    assert names(one) == ["host1"]


def test_a_silent_master_is_no_proof_that_there_is_none(hosts, lab):
    one, two, _ = hosts
    lab.cut("host2")
    code, line = fails(one, BOOT)
    assert (code, f"ARPANET_MASTERS names {two.ip}:7001, where a cluster may run" in line) == (5, 1)
    assert untouched(one)
    lab.heal("host2")
    run(one, BOOT)


def test_two_that_boot_at_one_moment_never_make_two_clusters(hosts):
    one, two, _ = hosts
    started = [host.popen(BOOT.split(), stderr=subprocess.PIPE, text=True) for host in (one, two)]
    words = [process.communicate(timeout=PATIENCE)[1] for process in started]
    stayed = [host for host in (one, two) if "arpanet_etcd" in own(host)]
    assert len(stayed) <= 1, words
    for host, process, said in zip((one, two), started, words, strict=True):
        assert (process.returncode == 0) == (host in stayed), said
        if host not in stayed:
            assert "gave way" in said or "where a cluster runs already" in said
            assert "arpanet_etcd_data" not in run(host, "docker volume ls -q")


def test_power_cuts(hosts, lab):
    one, two, three = hosts
    run(one, BOOT)
    join(two, one)
    join(three, one)
    run(one, "arpanet etcdctl set /kept 1")
    lab.kill("host1")
    wait_for(lambda: writes(two))
    lab.start("host1")  # its Docker starts the master again by itself
    wait_for(lambda: "3 of 3 answer" in status(one)["masters"].detail)
    for host in hosts:
        lab.kill(host.name)
    for host in hosts:
        lab.start(host.name)
    wait_for(lambda: "3 of 3 answer" in status(three)["masters"].detail)
    assert run(three, "arpanet etcdctl get /kept") == "1"
    join(three, one)
    assert names(three) == ["host1", "host2", "host3"]


@pytest.mark.parametrize("moment", ["it has the lock", "it is a member", "its etcd runs"])
def test_a_join_that_is_killed_is_finished_by_the_next(hosts, moment):
    one, two, _ = hosts
    run(one, BOOT)
    cluster = Gateway([f"http://{one.ip}:4001"])
    process = two.popen(f"arpanet master start --peers {one.ip}:7001".split())
    match moment:
        case "it has the lock":
            wait_for(lambda: cluster.get("/arpanet/locks/masters"))
        case "it is a member":
            wait_for(lambda: len(cluster.member_list()) == 2)
        case "its etcd runs":
            wait_for(lambda: "arpanet_etcd" in own(two))
    process.send_signal(signal.SIGKILL)
    process.wait()
    join(two, one)
    assert names(one) == ["host1", "host2"]
    assert run(two, "arpanet etcdctl set /x 1") == "1"


def test_a_token_forms_a_cluster(hosts):
    one, two, three = hosts
    run(one, BOOT)
    token = run(one, "arpanet master token --size 2")
    assert token.startswith(f"etcd://{one.ip}:4001/")
    others = {"ARPANET_MASTERS": f"{two.ip},{three.ip}"}
    for host in (two, three):
        write_rc(host, **PLAIN, ARPANET_IP=host.ip, **others)
    line = f"arpanet master start --token {token}".split()
    waiting = two.popen(line, stderr=subprocess.PIPE, text=True)
    run(three, " ".join(line))
    words = waiting.communicate(timeout=PATIENCE)[1]
    assert waiting.returncode == 0, words
    assert names(two) == names(three) == ["host2", "host3"]
    assert names(one) == ["host1"]
    before = own(two)
    run(two, " ".join(line))
    assert own(two) == before
    lose_data(two)
    _, said = fails(two, " ".join(line))
    assert f"no master's data of it; join with --peers {three.ip}:7001" in said


class TestRefused:
    """One line, and nothing changed."""

    def test_wrong_peers(self, hosts):
        one, two, _ = hosts
        run(one, BOOT)
        for peer, code, words in (
            (f"{one.ip}:9999", 5, "connection refused"),
            (f"{one.ip}:4001", 1, "is no etcd peer"),
            ("10.255.255.1:7001", 5, "does not answer"),
            ("nowhere.invalid", 5, "does not answer"),
            ("a b", 2, "unrecognized"),
            ("http://x/y", 2, "is no ip:port"),
            (two.ip, 2, "names only this host itself"),
        ):
            found = fails(two, f"arpanet master start --peers {peer}")
            assert (found[0], words in found[1]) == (code, True), found
        for token, words in (
            (f"etcd://{one.ip}:4001/gone", "knows no token gone"),
            (f"etcd://{one.ip}:9999/gone", "does not answer"),
            ("https://discovery.etcd.io/b34c47", "discovery.etcd.io is gone"),
            ("gone", "is no token"),
        ):
            assert words in fails(two, f"arpanet master start --token {token}")[1]
        assert run(two, "docker ps -aq") == ""

    def test_a_name_that_is_taken(self, hosts):
        one, two, _ = hosts
        run(one, BOOT)
        run(two, "docker run -d --name arpanet_etcd busybox sleep 300")
        _, line = fails(two, f"arpanet master start --peers {one.ip}")
        assert "the name arpanet_etcd is taken by a container of image busybox" in line
        assert names(one) == ["host1"]

    def test_a_port_that_is_taken(self, hosts):
        one = hosts[0]
        for port, setting in ((4001, "ETCD_PORT"), (7001, "ETCD_PEERPORT")):
            with listening(one, port):
                _, line = fails(one, BOOT)
                assert f"port {port} on {one.ip} is taken" in line
                assert f"set {setting}" in line
        assert untouched(one)

    def test_an_address_of_another_host(self, hosts):
        one, two, _ = hosts
        write_rc(one, **PLAIN, ARPANET_IP=two.ip)
        code, line = fails(one, BOOT)
        assert (code, f"ARPANET_IP={two.ip} is not an address of this host" in line) == (3, True)
        assert untouched(one)

    def test_a_second_host_of_the_name(self, hosts):
        one, two, _ = hosts
        run(one, BOOT)
        write_rc(two, **PLAIN, ARPANET_IP=two.ip, HOSTNAME="host1")
        _, line = fails(two, f"arpanet master start --peers {one.ip}")
        assert f"HOSTNAME host1 is taken by the master at http://{one.ip}:7001" in line
        assert names(one) == ["host1"]

    def test_data_of_another_cluster(self, hosts):
        one, two, _ = hosts
        for host in (one, two):
            write_rc(host, **PLAIN, ARPANET_IP=host.ip)
            run(host, BOOT)
        before = own(two)
        _, line = fails(two, f"arpanet master start --peers {one.ip}")
        assert "belongs to cluster" in line
        assert own(two) == before
        # each refusal to leave ends with the command for one who knows that nobody needs it
        leave = "arpanet master stop --leave"
        said = [fails(two, leave)[1]]
        write_rc(two, **PLAIN, ARPANET_IP=two.ip, ETCD_NAME="etcd2")
        run(two, BOOT)
        run(two, "arpanet master stop")
        for masters, words in ((two, "to leave, a master must answer"), (one, "names cluster")):
            write_rc(two, **PLAIN, ARPANET_IP=two.ip, ARPANET_MASTERS=masters.ip)
            said.append(fails(two, leave)[1])
            assert words in said[-1]
        (command,) = {one.rpartition("to lose it: ")[2].rpartition("for good: ")[2] for one in said}
        two.run(["sh", "-c", command])
        assert untouched(two)
        write_rc(two, **PLAIN, ARPANET_IP=two.ip)
        run(two, BOOT)
        assert names(two) == ["host2"]


def test_other_settings_of_a_running_master(hosts):
    one, two, _ = hosts
    run(one, BOOT)
    join(two, one)
    masters = f"{one.ip},{two.ip}:4009"
    write_rc(
        two, **PLAIN, ARPANET_IP=two.ip, ARPANET_MASTERS=masters, ETCD_NAME="etcd2",
        ETCD_PORT="4009", ETCD_PEERPORT="7009",
    )  # fmt: skip
    join(two, one)
    assert list(own(two)) == ["etcd2"]
    moved = next(row for row in rows(one, "hosts") if row["name"] == "host2")
    assert moved["peer_urls"] == [f"http://{two.ip}:7009"]
    assert moved["client_urls"] == [f"http://{two.ip}:4009"]
    assert run(two, "arpanet etcdctl set /x 1") == "1"


def test_etcdctl_without_etcdctl_and_without_a_master_here(hosts, monkeypatch):
    one, _, three = hosts
    run(one, BOOT)
    run(three, "arpanet install master")
    assert run(three, "arpanet etcdctl mk /shop/a 1") == "1"
    assert run(three, "arpanet etcdctl ls / --recursive").splitlines() == ["/shop", "/shop/a"]
    assert fails(three, "arpanet etcdctl get /nope")[0] == 4
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert run(three, "arpanet etcdctl get /shop --prefix --keys-only") == "/shop/a"
    assert run(one, "arpanet etcdctl get /shop --prefix --print-value-only") == "1"
    assert run(one, "arpanet etcdctl put /in", input="from stdin") == "OK"
    assert run(one, "arpanet etcdctl get /in") == "from stdin"
    assert fails(one, "arpanet etcdctl nonsense")[0] == 1
    assert "needs an etcdctl on this host" in fails(one, "arpanet etcdctl watch /x")[1]
    run(three, "arpanet etcdctl snapshot save kept.db", cwd=three.home)
    assert (three.home / "kept.db").stat().st_size > 10000
    gateway = Gateway([f"http://{one.ip}:4001"])
    mine = gateway.status(f"http://{one.ip}:4001")["header"]["member_id"]
    full = {"action": "ACTIVATE", "alarm": "NOSPACE", "memberID": mine}
    gateway.call("maintenance/alarm", full)
    assert "'arpanet etcdctl defrag', then 'arpanet etcdctl alarm disarm'" in words_of(one)
    for line in ("arpanet etcdctl defrag", "arpanet etcdctl alarm disarm"):
        run(three, f"{line} --endpoints http://{one.ip}:4001")  # no other host is a master
    assert run(three, "arpanet etcdctl set /shop/a 2") == "2"
    assert run(one, "arpanet etcdctl del --prefix /shop/") == "1"


def words_of(host: Host) -> str:
    """What status says of the masters."""
    detail: str = status(host)["masters"].detail
    return detail


def test_quorum_lost_for_good_without_a_snapshot(hosts):
    """What docs/operations.md says, by hand."""
    one, two, _ = hosts
    run(one, BOOT)
    join(two, one)
    assert run(one, "arpanet etcdctl set /shop/a 1") == "1"
    run(two, "docker rm -f arpanet_etcd")
    wait_for(lambda: not writes(one))
    image = run(one, "docker inspect -f {{.Config.Image}} arpanet_etcd")
    run(one, "arpanet master stop")
    alone = "-d --name once --network none -v arpanet_etcd_data:/var/lib/etcd"
    etcd = "etcd --name=host1 --data-dir=/var/lib/etcd/data --force-new-cluster"
    run(one, f"docker run {alone} {image} {etcd}")
    logs = ["docker", "logs", "once"]
    wait_for(lambda: "serving" in (said := one.run(logs)).stdout + said.stderr)
    run(one, "docker stop once")
    run(one, "docker rm once")
    run(one, BOOT)
    assert names(one) == ["host1"]
    assert run(one, "arpanet etcdctl get /shop/a") == "1"
    run(two, "docker volume rm arpanet_etcd_data")
    join(two, one)
    assert names(two) == ["host1", "host2"]
