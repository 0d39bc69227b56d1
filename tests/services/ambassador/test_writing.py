"""Names that are written into the hosts files that Docker keeps."""

import json
import os
from dataclasses import replace

import pytest
from arpanet_ambassador.names.own import allocate
from arpanet_ambassador.names.writing import write
from arpanet_ambassador.starting.files import recorded

from tests.unit.ambassador.records import container


@pytest.fixture
def docker(tmp_path):
    """Docker's directory of containers, one of them on the network ``private``."""
    kept(tmp_path, "other", {"private": {"Aliases": ["Alias"]}})
    kept(tmp_path, "away", {"elsewhere": None})
    (tmp_path / "broken").mkdir()
    return tmp_path


def kept(docker, name, networks, labels=(), mode="bridge"):
    """What Docker keeps of a container."""
    files = docker / name
    files.mkdir()
    config = {"ID": name, "Name": f"/{name}", "NetworkSettings": {"Networks": networks}}
    config["Config"] = {"Labels": dict(labels)}
    (files / "config.v2.json").write_text(json.dumps(config))
    (files / "hostconfig.json").write_text(json.dumps({"NetworkMode": mode}))
    (files / "hosts").write_text("127.0.0.1\tlocalhost\n")
    return files


def names(docker, *networks):
    """The names that the hosts file of a client on *networks* has after a write."""
    files = kept(docker, "web", dict.fromkeys(networks))
    write(replace(container("web", labels=LABELS), networks=dict.fromkeys(networks, "")), files)
    return [line.split()[1] for line in (files / "hosts").read_text().splitlines()]


LABELS = {
    "connect.other:1": "redis",
    "connect.alias:1": "redis",
    "connect.away:1": "redis",
    "connect.2": "Other",
    "connect.3": "redis",
}


def test_what_docker_calls_others_on_the_same_network_keeps_its_meaning(docker):
    assert names(docker, "private", "bridge") == ["localhost", "away", "redis"]


def test_what_others_are_called_is_read_once_and_again_when_docker_has_written_it(docker):
    """A start has some milliseconds, and a host may have a thousand containers."""
    one = kept(docker, "one", {"private": {}}, LABELS.items())
    write(recorded(one), one)
    other = docker / "other/config.v2.json"
    before = other.stat()
    text, after = other.read_text(), before.st_mtime_ns + 10**9
    other.write_text("none of this is read")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "other" not in names(docker, "private")
    other.write_text(text.replace("/other", "/renamed"))
    os.utime(other, ns=(after, after))
    again = kept(docker, "again", {"private": {}}, LABELS.items())
    write(recorded(again), again)
    assert "other" in (again / "hosts").read_text().split()


def test_elsewhere_docker_has_no_such_names(docker):
    found = names(docker, "bridge")
    assert found == ["localhost", "alias", "away", "other", "redis"]


def test_a_guests_names_are_in_the_file_that_it_shares(docker):
    home = kept(docker, "home", {"private": {}}, {"connect.queue:1": "redis"})
    kept(docker, "guest", {}, mode="container:home")
    far = kept(docker, "far", {}, mode="container:guest")
    write(recorded(home), home)
    write(container("far", labels=LABELS, mode="container:guest"), far)
    lines = (home / "hosts").read_text().splitlines()
    assert [line.split()[1] for line in lines] == ["localhost", "queue", "away", "redis"]
    assert (far / "hosts").read_text() == "127.0.0.1\tlocalhost\n"


def test_a_guest_whose_home_is_gone_gets_no_names(docker, caplog):
    files = kept(docker, "guest", {}, mode="container:gone")
    left = write(container("guest", labels=LABELS, mode="container:gone"), files)
    assert "container guest: its hosts file lacks names: " in caplog.text
    assert left.keys() == {"other", "alias", "away", "redis"}
    assert "its hosts file lacks it: [Errno 2] No such file" in left["redis"]


def test_a_service_that_an_address_in_the_registry_names_has_its_name_too(docker):
    files = kept(docker, "web", {"bridge": {}})
    web = container("web", labels={"connect.1": "etcd://10.0.0.1:4001/arpanet/services/redis"})
    write(web, files)
    assert "redis" not in (files / "hosts").read_text()  # another's registry
    write(web, files, frozenset({"10.0.0.1"}), "/arpanet")
    assert (files / "hosts").read_text().endswith("\tredis\n")


ANOTHER = "label it with another name, as connect.<name>:<port>=<service>"


def test_of_names_that_are_left_alone_it_says_why_and_what_helps(docker):
    files = kept(docker, "web", {"private": None})
    (files / "hosts").write_text("127.0.0.1 localhost\n10.0.0.9 Redis\n10.0.0.8 redis away\n")
    web = replace(container("web", labels=LABELS), networks={"private": ""})
    given = "(by --add-host, --link, or as its own name)"
    expected = {
        "alias": f"Docker's DNS has it, for container other on network private; {ANOTHER}",
        "other": f"Docker's DNS has it, for container other on network private; {ANOTHER}",
        "away": f"its hosts file has it at 10.0.0.8 {given}; {ANOTHER}",
        "redis": f"its hosts file has it at 10.0.0.9 {given}; {ANOTHER}",
    }
    for _ in range(2):  # what was written here before is no stranger's
        assert write(web, files) == expected


def test_a_services_name_may_be_localhosts_but_one_of_its_own_may_not(docker):
    files = kept(docker, "web", {"bridge": None})
    (files / "hosts").write_text("127.0.0.1 localhost redis cache\n")
    left = write(container("web", labels={"connect.1": "redis", "connect.cache:2": "a"}), files)
    assert list(left) == ["cache"]


def test_a_hosts_file_of_its_own_is_told_what_it_lacks(docker):
    files = kept(docker, "web", {"bridge": None})
    config = json.loads((files / "config.v2.json").read_text())
    config["MountPoints"] = {"/etc/hosts": {"Source": "/srv/hosts"}}
    (files / "config.v2.json").write_text(json.dumps(config))
    (left,) = write(container("web", labels={"connect.cache:2": "a"}), files).values()
    address = allocate(["cache"])["cache"]
    assert left == f"its hosts file is a mount of its own; add '{address} cache' to it"
    assert "cache" not in (files / "hosts").read_text()  # which nobody reads
