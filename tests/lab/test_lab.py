"""The lab itself: real hosts, real accidents."""

import subprocess
import time

import pytest
from arpanet_lab.host import Host
from arpanet_lab.lab import Lab

from arpanet.errors import ArpanetError, UsageError
from tests.conftest import wait_for

GREET = ["run", "-d", "-p", "7000:7000", "busybox", "nc", "-lk", "-p", "7000", "-e", "hostname"]


def reaches(host: Host, address: str, port: int = 7000) -> bool:
    command = ["timeout", "1", "bash", "-c", f": < /dev/tcp/{address}/{port}"]
    return host.run(command, check=False).returncode == 0


def docker(host: Host, *words: str) -> str:
    return host.run(["docker", *words]).stdout.strip()


def test_each_host_is_its_own(lab: Lab) -> None:
    names = [host.run(["hostname"]).stdout.strip() for host in lab.hosts]
    engines = {docker(host, "info", "-f", "{{.Name}} {{.ID}}") for host in lab.hosts}
    assert names == ["host1", "host2", "host3"]
    assert len(engines) == 3
    for host in lab.hosts:
        (host.home / "mark").write_text(host.name)
        words = host.run(["sh", "-c", "cat ~/mark; hostname -I; echo $HOSTNAME $ARPANET_IP"]).stdout
        assert host.name in words and host.ip in words
        assert host.run(["getent", "hosts", "host3"]).stdout.split()[0] == lab.host("host3").ip


def test_containers_reach_each_other_over_published_ports(clean_lab: Lab) -> None:
    host1, host2, _ = clean_lab.hosts
    docker(host1, *GREET)
    wait_for(lambda: reaches(host2, host1.ip))
    greeting = docker(host2, "run", "--rm", "busybox", "nc", "-w", "2", host1.ip, "7000")
    assert docker(host1, "ps", "-q").startswith(greeting)
