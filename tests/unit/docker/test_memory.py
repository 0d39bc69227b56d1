"""What is in a container's memory: looked at from here where it can be, else read by its cat."""

import os

import pytest

from arpanet.docker import memory

ID = "c" * 64
FILE = "/run/arpanet/x.json"


class Docker:
    """An engine with one container, whose ``cat`` says that it was asked."""

    def __init__(self):
        self.state = {"Status": "running", "Pid": 12}

    def inspect(self, name):
        if name != "agent":
            return None
        return {"Id": ID, "State": self.state, "HostConfig": {"Tmpfs": {"/run": "size=16m"}}}

    def exec(self, name, argv):
        there = argv == ["cat", FILE]
        return (0, b"by cat", b"") if there else (1, b"", b"no such file")


@pytest.fixture
def docker():
    return Docker()


@pytest.fixture
def processes(tmp_path):
    """A machine on which the container's process runs."""
    (tmp_path / "12/root/run/arpanet").mkdir(parents=True)
    (tmp_path / "12/cgroup").write_text(f"4:cpu:/docker/{ID}\n0::/system.slice/docker-{ID}.scope\n")
    (tmp_path / "12/root/run/arpanet/x.json").write_bytes(b"seen")
    return tmp_path


def test_it_is_seen_from_here(docker, processes):
    assert memory.read(docker, "agent", FILE, processes) == b"seen"


def test_what_is_on_a_disk_or_does_not_run_is_not_in_memory(docker, processes):
    assert memory.read(docker, "agent", "/running/x", processes) is None
    assert memory.read(docker, "nobody", FILE, processes) is None
    docker.state["Status"] = "exited"
    assert memory.read(docker, "agent", FILE, processes) is None


def test_another_machines_container_reads_it_itself(docker, processes):
    (processes / "12/cgroup").write_text(f"0::/docker/{'d' * 64}\n")
    assert memory.read(docker, "agent", FILE, processes) == b"by cat"
    docker.state["Pid"] = 13
    assert memory.read(docker, "agent", FILE, processes) == b"by cat"
    assert memory.read(docker, "agent", "/run/arpanet/y.json", processes) is None


@pytest.mark.parametrize("step", ["run/arpanet/x.json", "run/arpanet", "run"])
def test_no_link_leads_out_of_the_container(docker, processes, tmp_path, step):
    outside = tmp_path / "outside/run/arpanet"
    outside.mkdir(parents=True)
    (outside / "x.json").write_bytes(b"the host's")
    place = processes / "12/root" / step
    place.rename(tmp_path / "aside")
    place.symlink_to(tmp_path / "outside" / step)
    assert memory.read(docker, "agent", FILE, processes) == b"by cat"


def test_a_pipe_holds_nobody_up(docker, processes):
    place = processes / "12/root/run/arpanet/x.json"
    place.unlink()
    os.mkfifo(place)
    assert memory.read(docker, "agent", FILE, processes) == b"by cat"
