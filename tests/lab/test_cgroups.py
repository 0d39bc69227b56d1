"""Hosts that show other cgroups than the machine."""

from pathlib import Path

import pytest
from arpanet_lab import cgroups

from arpanet.errors import ArpanetError, UsageError
from tests.support.labs import lab_of

UNIFIED = "/sys/fs/cgroup/unified/cgroup.procs"


@pytest.mark.parametrize(
    ("kind", "version", "unified"), [("v1", "1", False), ("v2", "2", False), ("hybrid", "1", True)]
)
def test_docker_finds_them_and_runs_containers(kind: str, version: str, unified: bool) -> None:
    with lab_of("g", 1, kind) as lab:
        host = lab.host("host1")
        for _ in range(2):  # a power cut changes nothing
            assert (
                host.run(["docker", "info", "-f", "{{.CgroupVersion}}"]).stdout.strip() == version
            )
            assert Path(f"/proc/{host.pid}/root{UNIFIED}").exists() == unified
            said = host.run(["docker", "run", "--rm", "busybox", "echo", "there"]).stdout
            assert said == "there\n"
            lab.kill("host1")
            lab.start("host1")
        other = {"v1": "v2", "v2": "v1", "hybrid": "v2"}[kind]
        with pytest.raises(UsageError, match=f"has hosts of cgroup {kind}"):
            lab.up(2, other)
        assert lab.up(1, kind) == []
        host.run(["docker", "run", "-d", "busybox", "sleep", "99999"])
    tops = [top / cgroups.ROOT / lab.name for top in cgroups._hierarchies()]
    assert [path for path in tops if path.exists()] == []


def test_a_machine_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "_mounts", lambda: [(Path("/sys/fs/cgroup"), "cgroup2")])
    cgroups.check("v2")
    for kind in ("v1", "hybrid"):
        with pytest.raises(ArpanetError, match=f"no cgroup file system for hosts of cgroup {kind}"):
            cgroups.check(kind)
