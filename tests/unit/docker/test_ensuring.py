"""A node container is made to fit its spec, whatever an earlier run left behind."""

import itertools
import os
from dataclasses import replace

import pytest

from arpanet.docker import ensuring
from arpanet.docker.engine import Engine
from arpanet.docker.problems import Conflict, Gone, Missing
from arpanet.docker.specs import ContainerSpec
from arpanet.errors import EngineError, NameTaken
from tests.support.stand_in import stand_in

SPEC = ContainerSpec("etcd", "etcd", "image:1", ("run",), "master")
OTHER = replace(SPEC, command=("run", "--more"))
BROKEN = replace(SPEC, command=("broken",))


class Killed(BaseException):
    """The process is gone."""


class FakeDocker(Engine):
    """Containers in memory; dies before the step number *last*."""

    def __init__(self):
        self.found, self.images = {}, {"image:1": "sha256:1"}
        self.stuck = False
        self.volumes = set()
        self.serial, self.last = itertools.count(), float("inf")

    def restart_policy(self, container, policy):
        self.step()
        self.get(container)["HostConfig"]["RestartPolicy"] = {"Name": policy}

    def step(self):
        self.last -= 1
        if self.last < 0:
            raise Killed

    def get(self, key):
        for one in self.found.values():
            if key in (one["Id"], one["Name"].lstrip("/")):
                return one
        raise Gone(f"No such container: {key}")

    def subscribe(self):
        raise NotImplementedError

    def listed(self, label=None):
        key, _, value = label.partition("=")
        return {
            i: one["Name"].lstrip("/")
            for i, one in self.found.items()
            if key in one["Config"]["Labels"] and value in ("", one["Config"]["Labels"][key])
        }

    def remove_volume(self, name):
        self.volumes.discard(name)

    def inspect(self, container):
        try:
            return self.get(container)
        except Gone:
            return None

    def create(self, name, body):
        self.step()
        if self.inspect(name):
            raise Conflict(f"{name} is in use")
        if body["Image"] not in self.images:
            raise Missing(f"No such image: {body['Image']}")
        key = f"id{next(self.serial)}"
        state = dict.fromkeys(("Running", "Restarting"), False)
        self.found[key] = {
            "Id": key,
            "Name": f"/{name}",
            "Image": self.images[body["Image"]],
            "Config": body,
            "HostConfig": body.get("HostConfig", {}),
            "State": {**state, "Status": "created", "ExitCode": 0, "StartedAt": ""},
        }
        return key

    def start(self, container):
        self.step()
        one = self.get(container)
        if one["Config"]["Cmd"] == ["refused"]:
            raise EngineError("port is already allocated")
        broken = one["Config"]["Cmd"] == ["broken"]
        one["State"] |= {"Running": not broken, "Status": "exited" if broken else "running"}

    def stop(self, container):
        self.step()
        self.get(container)["State"] |= {
            "Running": False,
            "Restarting": False,
            "Status": "exited",
        }

    def remove(self, container):
        self.step()
        if self.found.get(container, {}).get("Config", {}).get("Cmd") == ["broken"] and self.stuck:
            raise EngineError("device or resource busy")
        self.found.pop(container, None)

    def rename(self, container, name):
        self.step()
        if self.inspect(name):
            raise Conflict(f"{name} is in use")
        self.get(container)["Name"] = f"/{name}"

    def logs(self, name, tail=20):
        return "starting\nunknown flag: --more\n\n"

    def image_id(self, tag):
        return self.images.get(tag)


@pytest.fixture
def docker(monkeypatch):
    monkeypatch.setattr(ensuring, "SETTLE", 0)
    stand_in(monkeypatch, ensuring, "time", sleep=lambda _: None)
    return FakeDocker()


def state(docker):
    return [(one.name, one.state, one.image) for one in docker.own()]


def command(docker):
    return docker.get("etcd")["Config"]["Cmd"]


def test_what_need_not_be_seen_to_stay_up_is_not_waited_for(docker, monkeypatch):
    monkeypatch.setattr(ensuring, "SETTLE", 1e9)
    assert ensuring.ensure(docker, SPEC, settle=False) == "created"


def test_the_four_outcomes(docker):
    assert docker.ensure(SPEC) == "created"
    assert docker.ensure(SPEC) == "unchanged"
    docker.stop("etcd")
    assert docker.ensure(SPEC) == "started"
    assert docker.ensure(OTHER) == "recreated"
    assert state(docker) == [("etcd", "running", "image:1")]
    assert command(docker) == ["run", "--more"]


def test_a_container_that_docker_restarts_again_and_again_is_started(docker):
    docker.ensure(SPEC)
    docker.get("etcd")["State"] |= {"Restarting": True, "Status": "restarting"}
    assert docker.ensure(SPEC) == "started"


def test_another_image_under_the_same_tag_is_another_container(docker):
    docker.ensure(SPEC)
    docker.images["image:1"] = "sha256:2"
    assert docker.ensure(SPEC) == "recreated"
    docker.images.clear()
    assert docker.ensure(SPEC) == "unchanged"


def test_a_renamed_part_has_one_container(docker):
    docker.ensure(SPEC)
    assert docker.ensure(replace(SPEC, name="new_name")) == "recreated"
    assert state(docker) == [("new_name", "running", "image:1")]


def test_parts_leave_each_other_alone(docker):
    docker.ensure(SPEC)
    docker.ensure(replace(SPEC, part="registrator", name="r"))
    assert len(state(docker)) == 2
    with pytest.raises(NameTaken, match="arpanet's own etcd"):
        docker.ensure(replace(SPEC, part="registrator"))


def test_a_strangers_container_is_not_touched(docker):
    docker.create("etcd", {"Image": "image:1", "Cmd": ["theirs"], "Labels": {}})
    before = dict(docker.found)
    with pytest.raises(NameTaken, match="container of image image:1"):
        docker.ensure(SPEC)
    assert docker.found == before


@pytest.mark.parametrize(
    "bad", [BROKEN, replace(SPEC, command=("refused",)), replace(SPEC, image="no:1")], ids=str
)
def test_what_does_not_start_leaves_the_old_one_running(docker, bad):
    with pytest.raises(EngineError):
        docker.ensure(bad)
    assert state(docker) == []
    docker.ensure(SPEC)
    with pytest.raises(EngineError):
        docker.ensure(bad)
    assert state(docker) == [("etcd", "running", "image:1")]
    assert command(docker) == ["run"]


def test_the_old_one_runs_again_although_the_new_one_cannot_be_removed(docker, caplog):
    docker.ensure(SPEC)
    docker.stuck = True
    with pytest.raises(EngineError, match="ends at once"):
        docker.ensure(BROKEN)
    assert command(docker) == ["run"]
    assert state(docker) == [("etcd", "running", "image:1"), ("etcd.new", "exited", "image:1")]
    assert docker.ensure(SPEC) == "unchanged"  # what is left over holds up nothing
    assert "device or resource busy; container etcd.new is left over" in caplog.text
    docker.stuck = False
    assert docker.ensure(SPEC) == "unchanged"
    assert state(docker) == [("etcd", "running", "image:1")]


def test_a_name_that_cannot_be_freed_stops_nothing(docker):
    docker.ensure(SPEC)
    docker.create("etcd.old", {"Image": "image:1", "Cmd": ["theirs"], "Labels": {}})
    with pytest.raises(EngineError, match=r"etcd\.old is in use"):
        docker.ensure(OTHER)
    assert ("etcd", "running", "image:1") in state(docker)


def test_the_last_words_are_in_the_error(docker):
    with pytest.raises(EngineError, match=r"ends at once \(exit code 0\): unknown flag: --more$"):
        docker.ensure(BROKEN)


def test_one_that_docker_has_started_again_is_asked_for_its_exit_code_when_it_ends(
    docker, monkeypatch
):
    """While it runs its exit code is 0, whatever the last one was."""
    states = iter([(False, 0, 0), (False, 0, 1), (False, 0, 1), (True, 3, 1)])

    def inspect(_):
        restarting, code, count = next(states)
        state = {"Running": True, "Restarting": restarting, "ExitCode": code}
        return {"State": state, "RestartCount": count}

    monkeypatch.setattr(docker, "inspect", inspect)
    with pytest.raises(EngineError, match=r"ends at once \(exit code 3\): unknown flag: --more$"):
        ensuring._settle(docker, "etcd", "id0", 1e9)


@pytest.mark.parametrize("then", [SPEC, OTHER], ids=["the same", "changed settings"])
@pytest.mark.parametrize("old", [None, SPEC, replace(SPEC, name="old")], ids=str)
def test_killed_before_any_step_the_next_run_finishes(docker, old, then):
    for steps in range(20):
        docker.found.clear()
        if old:
            docker.last = float("inf")
            docker.ensure(old)
        docker.last = steps
        try:
            docker.ensure(OTHER)
        except Killed:
            docker.last = float("inf")
            docker.ensure(then)
            assert state(docker) == [("etcd", "running", "image:1")], steps
            assert command(docker) == list(then.command), steps
        else:
            break
    assert steps > 2


def test_roles_are_what_runs_or_was_about_to(docker):
    assert docker.roles() == set()
    docker.ensure(SPEC)
    docker.ensure(replace(SPEC, part="ambassador", role="slave", name="a"))
    docker.ensure(replace(SPEC, part="third", role="", name="t"))
    assert docker.roles() == {"master", "slave"}
    assert docker.stop_part("etcd") == ["etcd"]
    assert docker.roles() == {"slave"}
    docker.create(
        "x",
        {
            "Image": "image:1",
            "Cmd": [],
            "Labels": {"arpanet.part": "etcd", "arpanet.role": "master"},
        },
    )
    assert docker.roles() == {"master", "slave"}
    docker.volumes |= {"arpanet_etcd_data", "arpanet_etcd_state"}
    assert docker.remove_part("etcd") == ["etcd", "x"]
    assert docker.volumes == {"arpanet_etcd_data"}  # what an agent kept has gone with it
    assert docker.stop_part("etcd") == []


def test_what_docker_has_given_up_is_stopped_for_good_too(docker):
    docker.ensure(SPEC)
    found = docker.inspect("etcd")
    found["State"] |= {"Running": False, "Status": "exited", "Error": "no space left on device"}
    assert docker.own()[0].given_up
    assert docker.stop_part("etcd") == ["etcd"]
    assert not docker.own()[0].given_up
    assert docker.ensure(SPEC) == "started"
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "always"


def test_one_shots_of_killed_commands_are_swept(docker):
    body = {"Image": "image:1", "Cmd": []}
    docker.create("living", {**body, "Labels": {"arpanet.once": str(os.getpid())}})
    docker.create("orphan", {**body, "Labels": {"arpanet.once": "99999999"}})
    docker.ensure(SPEC)
    assert docker.inspect("living")
    assert docker.inspect("orphan") is None
