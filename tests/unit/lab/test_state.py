"""What a lab remembers."""

import os
from pathlib import Path

import pytest
from arpanet_lab import state
from arpanet_lab.holding import Holder
from arpanet_lab.host import environment
from arpanet_lab.lab import Lab
from arpanet_lab.state import State

from arpanet.errors import ArpanetError, UsageError

KNOWN = State("10.77.0.0/24", 3, ("host2",))


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    state.save(tmp_path, KNOWN)
    assert state.load(tmp_path) == KNOWN


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"subnet": "x", "size": 1, "cut": []}'])
def test_what_cannot_be_read_is_no_lab(tmp_path: Path, text: str) -> None:
    assert state.load(tmp_path) is None
    (tmp_path / "lab.json").write_text(text)
    assert state.load(tmp_path) is None


def test_cut() -> None:
    assert KNOWN.with_cut("host1", True).cut == ("host2", "host1")
    assert KNOWN.with_cut("host2", True).cut == ("host2",)
    assert KNOWN.with_cut("host2", False).cut == ()


def test_lock_excludes_and_survives_removal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "_LOCK_SECONDS", 0.1)
    place = tmp_path / "lab"
    with state.locked(place):
        with pytest.raises(ArpanetError, match=r"keeps .*lab locked"), state.locked(place):
            pass
        place.rmdir()
        with state.locked(place):
            pass
    with state.locked(place):
        assert list(tmp_path.iterdir()) == [place]


def test_a_lab_that_is_not_up_leaves_nothing(tmp_path: Path) -> None:
    lab = Lab("x", tmp_path)
    for attempt in (
        lab.status,
        lambda: lab.hosts,
        lambda: lab.kill("host1"),
        lambda: lab.cut("host1"),
    ):
        with pytest.raises(UsageError, match="lab x is not up; arpanet lab up"):
            attempt()
    assert not list(tmp_path.iterdir())


def test_a_process_id_in_use_again_is_no_holder(tmp_path: Path) -> None:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    start = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    record = '{{"pid": {}, "start": {}, "boot": "{}"}}'.format

    def pid(*values: object) -> int | None:
        (tmp_path / "holder.json").write_text(record(*values))
        return Holder(tmp_path).pid

    assert Holder(tmp_path).pid is None
    assert pid(os.getpid(), start, boot) == os.getpid()
    assert pid(os.getpid(), int(start) + 1, boot) is None
    assert pid(os.getpid(), start, "another") is None


def test_environment_is_the_hosts_own() -> None:
    caller = {
        "ARPANET_IP": "1.2.3.4",
        "ETCD_PORT": "1",
        "DOCKER_HOST": "tcp://there",
        "XDG_RUNTIME_DIR": "/run/user/0",
        "HOME": "/root",
        "HOSTNAME": "machine",
        "TERM": "xterm",
        "PATH": "/usr/bin:/bin",
    }
    made = environment(caller, "host1", Path("/h"))
    path = made.pop("PATH").split(":")
    assert made == {
        "HOME": "/h",
        "HOSTNAME": "host1",
        "TERM": "xterm",
        "USER": "root",
        "LOGNAME": "root",
    }
    assert path[1:3] == ["/usr/bin", "/bin"] and "/usr/sbin" in path
