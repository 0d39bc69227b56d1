"""A node container's spec becomes the body of Docker's create call, and a hash of it."""

from dataclasses import fields, replace

import pytest

from arpanet.docker import specs
from arpanet.docker.specs import ContainerSpec, create_body, once_body, once_of

SPEC = ContainerSpec(
    part="etcd",
    role="master",
    name="arpanet_etcd",
    image="etcd:1",
    command=("etcd", "--name", "h1"),
    env={"B": "2", "A": "1"},
    network="host",
    volumes={"data": "/var/lib/etcd", "/etc/ssl": "/etc/ssl:ro"},
    capabilities=("NET_ADMIN",),
    pid_host=True,
    security=("apparmor=unconfined",),
    exposed=(4001,),
    labels={"mine": "yes"},
    stop_seconds=20,
)


def test_the_body_says_all_that_the_spec_says():
    body = create_body(SPEC)
    body["Labels"].pop("arpanet.spec")
    assert body == {
        "Image": "etcd:1",
        "Cmd": ["etcd", "--name", "h1"],
        "Env": ["A=1", "B=2"],
        "ExposedPorts": {"4001/tcp": {}},
        "Labels": {"mine": "yes", "arpanet.part": "etcd", "arpanet.role": "master"},
        "StopTimeout": 20,
        "HostConfig": {
            "Binds": ["/etc/ssl:/etc/ssl:ro", "data:/var/lib/etcd"],
            "CapAdd": ["NET_ADMIN"],
            "CapDrop": [],
            "NetworkMode": "host",
            "PidMode": "host",
            "RestartPolicy": {"Name": "always"},
            "SecurityOpt": ["apparmor=unconfined", "no-new-privileges"],
            "UsernsMode": "host",
        },
    }


def test_it_may_run_another_program_than_its_image_does():
    assert "Entrypoint" not in create_body(SPEC)
    body = create_body(replace(SPEC, entrypoint=("sleep",), command=("9",), stop_seconds=0))
    assert (body["Entrypoint"], body["Cmd"], body["StopTimeout"]) == (["sleep"], ["9"], 0)


def test_one_that_asks_for_no_rights_has_none():
    rights = create_body(replace(SPEC, capabilities=()))["HostConfig"]
    assert (rights["CapDrop"], rights["CapAdd"]) == (["ALL"], ["DAC_OVERRIDE", "NET_BIND_SERVICE"])
    assert rights["ReadonlyRootfs"]
    more = create_body(replace(SPEC, capabilities=(), also=("NET_ADMIN",)))["HostConfig"]
    assert more == rights | {"CapAdd": ["DAC_OVERRIDE", "NET_ADMIN", "NET_BIND_SERVICE"]}


def test_the_sockets_directory_is_mounted_since_the_socket_may_be_a_new_one(monkeypatch, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "docker.sock").symlink_to(tmp_path / "real" / "engine.sock")
    monkeypatch.setattr(specs, "SOCKET", str(tmp_path / "docker.sock"))
    body = create_body(replace(SPEC, docker=True, tmpfs={"/run": "size=1m"}))
    assert "DOCKER_HOST=unix:///host/run/engine.sock" in body["Env"]
    (mount,) = body["HostConfig"]["Mounts"]
    assert (mount["Source"], mount["Target"]) == (str(tmp_path / "real"), "/host/run")
    assert mount["BindOptions"] == {"NonRecursive": True}
    assert body["HostConfig"]["Tmpfs"] == {"/run": "size=1m"}


def test_with_user_namespaces_only_what_needs_the_hosts_is_left_out_of_them():
    """Docker refuses the host's network and processes to others (--userns-remap)."""
    apart = replace(SPEC, network="bridge", pid_host=False, docker=False)
    needing = ({"network": "host"}, {"pid_host": True}, {"docker": True})
    modes = [
        create_body(replace(apart, **one))["HostConfig"].get("UsernsMode") for one in ({}, *needing)
    ]
    assert modes == [None, "host", "host", "host"]


def test_a_one_shot_container_is_made_like_the_spec_and_does_not_come_back():
    body, once = create_body(SPEC), once_of(SPEC)
    assert (once["Image"], once["Cmd"], once["Env"]) == (body["Image"], body["Cmd"], body["Env"])
    assert once["HostConfig"] == {**body["HostConfig"], "RestartPolicy": {"Name": "no"}}
    assert once["Labels"].keys() == {"arpanet.once"}


def test_a_one_shot_has_nothing_of_what_an_agent_keeps():
    kept = replace(SPEC, volumes={"arpanet_etcd_state": "/var/lib/arpanet", **SPEC.volumes})
    assert once_of(kept) == once_of(SPEC)


def hash_of(spec):
    return create_body(spec)["Labels"]["arpanet.spec"]


CHANGES = {
    "part": "x",
    "name": "x",
    "image": "x",
    "command": ("etcd",),
    "role": "slave",
    "entrypoint": ("sleep",),
    "env": {"A": "1", "B": "3"},
    "network": "bridge",
    "volumes": {},
    "capabilities": (),
    "also": ("SYS_TIME",),
    "pid_host": False,
    "security": (),
    "exposed": (2379,),
    "restart": "always",
    "tmpfs": {"/run": "size=1m"},
    "docker": True,
    "labels": {},
    "stop_seconds": 10,
}


@pytest.mark.parametrize("field", [one.name for one in fields(ContainerSpec)])
def test_every_field_counts_in_the_hash(field):
    assert hash_of(replace(SPEC, **{field: CHANGES[field]})) != hash_of(SPEC)


def test_the_order_of_mappings_does_not_count():
    assert hash_of(replace(SPEC, env={"A": "1", "B": "2"})) == hash_of(SPEC)


def test_secrets_stay_out_of_the_repr():
    assert "PASSWORD" not in repr(replace(SPEC, env={"PASSWORD": "x"}))


def test_a_one_shot_runs_exactly_its_words():
    body = once_body("node:1", ("nft", "-v"), "none", {"/a": "/b:ro"})
    assert (body["Entrypoint"], body["Cmd"]) == (["nft"], ["-v"])
    assert body["HostConfig"] == {"Binds": ["/a:/b:ro"], "NetworkMode": "none"}
    assert "arpanet.part" not in body["Labels"]
