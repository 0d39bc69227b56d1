"""Names that are written into the hosts files that Docker keeps."""

import json
from dataclasses import replace

import pytest
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
    write(container("guest", labels=LABELS, mode="container:gone"), files)
    assert "container guest: its hosts file lacks names: " in caplog.text


def test_a_service_that_an_address_in_the_registry_names_has_its_name_too(docker):
    files = kept(docker, "web", {"bridge": {}})
    web = container("web", labels={"connect.1": "etcd://10.0.0.1:4001/arpanet/services/redis"})
    write(web, files)
    assert "redis" not in (files / "hosts").read_text()  # another's registry
    write(web, files, frozenset({"10.0.0.1"}), "/arpanet")
    assert (files / "hosts").read_text().endswith("\tredis\n")
