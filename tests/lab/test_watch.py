"""``arpanet watch`` on a host whose ``~/.arpanetrc`` is edited."""

import signal
import subprocess
from collections.abc import Iterator

import pytest
from arpanet_lab.host import Host

from tests.conftest import wait_for
from tests.lab.cluster import Cluster, client, own, run, serve, where, write_rc


@pytest.fixture
def watched(tidy: Cluster) -> Iterator[Cluster]:
    """host3 with a watcher; its settings are as before afterwards."""
    host = tidy.hosts[2]
    watcher = start(host)
    yield tidy
    stop(watcher)
    tidy.configure()
    run(host, "arpanet slave start")


def start(host: Host) -> "subprocess.Popen[str]":
    """Start a watcher; wait until it watches."""
    log = host.home / "watch.log"
    with log.open("w") as file:
        watcher: subprocess.Popen[str] = host.popen(
            ["arpanet", "watch"], stdout=file, stderr=subprocess.STDOUT
        )
    wait_for(lambda: "watching" in log.read_text())
    return watcher


def stop(watcher: "subprocess.Popen[str]") -> None:
    watcher.send_signal(signal.SIGTERM)
    assert watcher.wait(60) == 0


def words(cluster: Cluster) -> str:
    return (cluster.hosts[2].home / "watch.log").read_text()


def test_a_changed_name_and_other_masters_reconfigure_a_running_slave(watched: Cluster):
    host1, _, host3 = watched.hosts
    serve(host1)
    client(host3, "--label connect.6379=redis")
    wait_for(lambda: where(host3, "localhost") == "host1")
    before = own(host3)
    write_rc(
        host3,
        ARPANET_IP=host3.ip,
        ARPANET_MASTERS=host1.ip,
        AMBASSADOR_NAME="amb",
    )
    wait_for(lambda: "amb" in own(host3) and "arpanet_backends" not in own(host3), 60)
    wait_for(lambda: "in line with the settings" in words(watched), 60)
    after = own(host3)
    assert after["arpanet_registrator"] != before["arpanet_registrator"]  # it has other masters now
    assert after["arpanet_etcd"] == before["arpanet_etcd"]
    environment = run(host3, "docker inspect -f {{.Config.Env}} arpanet_registrator")
    assert f"ARPANET_MASTERS={host1.ip} " in environment + " "
    assert where(host3, "localhost") == "host1"


def test_a_file_that_makes_no_sense_changes_nothing(watched: Cluster):
    host3 = watched.hosts[2]
    before = own(host3)
    write_rc(host3, ARPANET_IP="nonsense")
    wait_for(lambda: "the old settings stay" in words(watched))
    assert "~/.arpanetrc:1: ARPANET_IP='nonsense' must be an IP address" in words(watched)
    assert own(host3) == before


def test_an_edit_made_while_the_watcher_was_down_is_applied_and_an_option_kept(tidy: Cluster):
    """The watcher's own environment is systemd's: what the last start was given stays."""
    host3 = tidy.hosts[2]
    run(host3, "arpanet --set REGISTRATOR_NAME=mine slave start")
    try:
        write_rc(host3, ARPANET_IP=host3.ip, ARPANET_MASTERS=tidy.addresses, AMBASSADOR_NAME="amb")
        status = host3.run(["arpanet", "status"], check=False)
        assert status.returncode == 1
        assert "the slave was started with other values of AMBASSADOR_NAME" in status.stdout
        watcher = start(host3)
        wait_for(lambda: "slave: in line with the settings" in words(tidy), 90)
        stop(watcher)
        assert {"amb", "mine"} < {*own(host3)}
        assert "other values" not in host3.run(["arpanet", "status"], check=False).stdout
    finally:
        tidy.configure()
        run(host3, "arpanet slave start")
