"""What starts is found by the directories that are made for it."""

import json
import os
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

from arpanet_ambassador.starting.describing import declares
from arpanet_ambassador.starting.following import Starting

from tests.conftest import wait_for
from tests.unit.ambassador.records import container

TASKS = "run/containerd/io.containerd.runtime.v2.task/moby"


def made(host, name, labels, mode="container:home"):
    """Docker makes a container, then containerd a directory for its start."""
    files = host / "docker" / name
    files.mkdir(parents=True)
    config = {"ID": name, "Name": f"/{name}", "Config": {"Labels": labels}}
    (files / "config.v2.json").write_text(json.dumps(config))
    (files / "hostconfig.json").write_text(json.dumps({"NetworkMode": mode}))
    if not mode.startswith("container:"):
        (files / "hosts").write_text("127.0.0.1 localhost\n")
    (host / TASKS / name).mkdir()
    return files


def begun(host, told, seen=lambda *_: None):
    """Watch for what starts on a host whose files are in the directory *host*.

    One was started before. When it is told of, whatever comes is told of as a start.
    """
    (host / TASKS).mkdir(parents=True, exist_ok=True)
    made(host, "before", {"connect.80": "a"})
    ready = threading.Event()

    def but_the_first(record, files):
        if record.name == "before":
            ready.set()
        else:
            seen(record, files)

    starting = Starting(
        declares, lambda: Path("/docker"), but_the_first, lambda: told.append(1), host
    )
    assert ready.wait(60)
    return starting


@contextmanager
def in_its_namespace(host):
    """The start of a container ``web`` whose process is there."""
    with subprocess.Popen(["unshare", "--net", "sleep", "99"]) as process:
        listed = host / "sys/fs/cgroup/docker/web/cgroup.procs"
        listed.parent.mkdir(parents=True)
        listed.write_text(f"{process.pid}\n")
        made(host, "web", {"connect.80": "a"}, "bridge")
        spec = {"linux": {"cgroupsPath": "/docker/web"}}
        (host / TASKS / "web/config.json").write_text(json.dumps(spec))
        try:
            yield process
        finally:
            process.kill()


def test_only_what_declares_links_is_told_of_until_docker_has_announced_it(tmp_path):
    seen, told = [], []
    starting = begun(tmp_path, told, lambda record, files: seen.append((record.name, files.name)))
    made(tmp_path, "other", {"a": "b"})
    made(tmp_path, "web", {"connect.80": "a"})
    wait_for(lambda: told and seen)
    assert (seen, list(starting.found)) == ([("web", "web")], ["web"])
    starting.settled({"elsewhere": container("elsewhere")})
    assert list(starting.found) == ["web"]
    starting.settled({"web": container("web", pid=os.getpid())})
    assert starting.found == {}


def test_one_on_the_hosts_own_network_is_told_of_for_its_names_only(tmp_path):
    seen, told = [], []
    starting = begun(tmp_path, told, lambda record, _: seen.append(record.name))
    made(tmp_path, "alone", {"connect.80": "a"}, "none")
    made(tmp_path, "web", {"connect.80": "a"}, "host")
    wait_for(lambda: seen)
    assert (seen, told, starting.found) == (["web"], [], {})


def test_of_those_that_were_started_before_is_told_too_for_their_names_only(tmp_path):
    """The host was booted, or the ambassador was down: Docker made their hosts files meanwhile."""
    seen, told = [], []
    (tmp_path / TASKS).mkdir(parents=True)
    (tmp_path / TASKS / "broken").mkdir()
    made(tmp_path, "other", {"a": "b"})
    made(tmp_path, "web", {"connect.80": "a"})
    starting = begun(tmp_path, told, lambda record, files: seen.append((record.name, files.name)))
    wait_for(lambda: seen)
    assert (seen, told, starting.found) == ([("web", "web")], [], {})


def test_one_that_starts_again_is_not_taken_for_its_former_run(tmp_path):
    """Docker may tell of the former run's end only when it has announced the next one."""
    told = []
    starting = begun(tmp_path, told)
    with in_its_namespace(tmp_path) as process:
        wait_for(lambda: told)
        with subprocess.Popen(["true"]) as former:
            former.wait()
        starting.settled({"web": container("web", pid=former.pid)})
        assert list(starting.found) == ["web"]
        starting.settled({"web": container("web", pid=process.pid)})
        assert starting.found == {}


def test_one_that_never_came_is_forgotten(tmp_path):
    told = []
    starting = begun(tmp_path, told)
    made(tmp_path, "web", {"connect.80": "a"})
    wait_for(lambda: told)
    (tmp_path / TASKS / "web").rmdir()
    starting.settled({})
    assert starting.found == {}


def test_of_a_hosts_file_that_docker_makes_anew_is_told_again(tmp_path):
    seen = []
    begun(tmp_path, [], lambda record, files: seen.append(record.name))
    files = made(tmp_path, "web", {"connect.80": "a"}, "bridge")
    wait_for(lambda: seen == ["web"])
    (files / "hosts").write_text("127.0.0.1 localhost\n127.0.0.2 other")
    wait_for(lambda: seen == ["web", "web"])
    (tmp_path / TASKS / "web").rmdir()  # it never comes


def test_a_hosts_file_made_anew_right_before_the_announcement_is_told_of(tmp_path):
    told, seen = [], []
    hosts = tmp_path / "docker/web/hosts"

    def write(record, files):
        """As Docker does it while nobody looks: the file, then the announcement."""
        seen.append(len(seen))
        if len(seen) == 2:
            hosts.write_text("127.0.0.1 localhost\n127.0.0.2 other")
            starting.settled({"web": container("web", pid=process.pid)})
            assert starting.found == {}

    starting = begun(tmp_path, told, write)
    with in_its_namespace(tmp_path) as process:
        wait_for(lambda: told)
        (tmp_path / "fresh").write_text("127.0.0.1 localhost")
        (tmp_path / "fresh").rename(hosts)  # in one step: it is told of once
        wait_for(lambda: len(seen) == 3)


def test_many_that_start_at_once_are_followed_by_one_thread(tmp_path):
    """On a busy machine each change of threads is a wait for a processor."""
    seen = []
    begun(tmp_path, [], lambda record, _: seen.append(record.name))
    before = threading.active_count()
    names = [f"web{number}" for number in range(10)]
    for name in names:
        made(tmp_path, name, {"connect.80": "a"}, "bridge")
    wait_for(lambda: sorted(seen) == names)
    assert threading.active_count() <= before
    for name in names:
        (tmp_path / TASKS / name).rmdir()  # they never come


def test_one_in_trouble_holds_up_no_other(tmp_path, caplog):
    seen = []

    def write(record, files):
        if record.name == "odd":
            raise RuntimeError("nobody thought of this")
        seen.append(record.name)

    begun(tmp_path, [], write)
    for name in ("odd", "web"):
        made(tmp_path, name, {"connect.80": "a"}, "bridge")
    wait_for(lambda: seen)
    assert "container odd starts unseen" in caplog.text
    (tmp_path / TASKS / "web").rmdir()  # it never comes
