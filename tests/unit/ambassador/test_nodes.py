"""Which containers a slave has for its links, and what the command line reads out of them."""

import json
from types import SimpleNamespace

import pytest
from arpanet_ambassador import nodes, volume
from arpanet_ambassador.links import report
from arpanet_ambassador.links.added import Added
from arpanet_ambassador.plugin import AmbassadorPlugin
from arpanet_ambassador.settings import AMBASSADOR_NAME, ARPANET_PLANE

from arpanet.docker.specs import OwnContainer
from arpanet.errors import EngineError, NameTaken
from arpanet.records import Link
from arpanet.settings import CORE, Settings, Source
from tests.unit.ambassador.records import Told, by_id, container


class Engine:
    """Notes what is asked of it."""

    def __init__(self, *own, linked=(), others=(), pid_mode="host"):
        self.mine = [OwnContainer(n, part, state, "i", n, "t") for n, part, state in own]
        self.clients, self.others, self.pid_mode = list(linked), others, pid_mode
        self.did, self.specs, self.files = [], [], {}
        self.exit = (0, b"", b"")
        self.volumes, self.mounts = {}, []

    def volume_labels(self, name):
        return self.volumes.get(name)

    def own(self, part):
        return [one for one in self.mine if one.part == part]

    def linked(self, container):
        return self.clients

    def containers(self):
        return by_id(*self.others)

    def ensure(self, spec, *, settle=True):
        self.specs.append(spec)
        self.did.append(f"ensure {spec.name}")
        return "created"

    def remove_part(self, part):
        self.did.append(f"remove {part}")
        self.mine = [one for one in self.mine if one.part != part]

    def stop_part(self, part):
        self.did.append(f"stop {part}")

    def stop(self, container):
        self.did.append(f"stop {container}")

    def remove(self, container):
        self.did.append(f"remove {container}")

    def start(self, container):
        self.did.append(f"start {container}")

    def rename(self, container, name):
        self.did.append(f"rename {container} {name}")

    def inspect(self, container):
        if container not in {one.name for one in (*self.mine, *self.others)}:
            return None
        told = {"Config": {"Image": "theirs"}, "HostConfig": {"PidMode": self.pid_mode}}
        return {**told, "Mounts": self.mounts}

    def run_to_end(self, spec, timeout):
        self.did.append(f"run {' '.join(spec.command)} {' '.join(spec.capabilities)}")
        return self.exit

    def read_file(self, name, path):
        return self.files.get(path)


@pytest.fixture
def run(monkeypatch):
    """Run a hook with some of arpanet's own containers on the host."""
    monkeypatch.setattr(nodes, "node_image", lambda context: "image")

    def call(hook, *own, **settings):
        engine = own[0] if own and isinstance(own[0], Engine) else Engine(*own)
        given = {"HOSTNAME": "h", "ARPANET_IP": "10.0.0.1", **settings}
        declared = (*CORE, AMBASSADOR_NAME, ARPANET_PLANE)
        found = Settings(declared, {n: Source(text, "option") for n, text in given.items()})
        engine.said = []
        context = SimpleNamespace(engine=engine, settings=found, say=engine.said.append)
        engine.answer = getattr(AmbassadorPlugin(), f"arpanet_{hook}")(context)
        return engine

    return call


HOLDER = ("arpanet_backends", "backends", "running")
AGENT = ("arpanet_backends_agent", "ambassador", "running")
CLEAR = "run clear NET_ADMIN SYS_ADMIN SYS_PTRACE"


def test_start_makes_both(run):
    engine = run("slave_start")
    assert engine.did == ["ensure arpanet_backends", "ensure arpanet_backends_agent"]
    holder, agent = engine.specs
    assert (holder.network, holder.capabilities, holder.pid_host, holder.env, holder.volumes) == (
        "bridge",
        (),
        False,
        {},
        {},
    )
    assert agent.volumes["arpanet_ambassador_state"] == "/var/lib/arpanet"
    assert (agent.network, agent.capabilities, agent.pid_host) == (
        "host",
        ("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE"),
        True,
    )
    assert (*holder.entrypoint, *holder.command) == ("sleep", "infinity")  # Python takes 30 MB
    assert (holder.role, agent.role) == ("", "slave")  # what is linked to may outlive the slave


def test_what_clients_are_linked_to_is_never_replaced(run):
    assert run("slave_start", HOLDER).did == ["ensure arpanet_backends_agent"]
    stopped = ("arpanet_backends", "backends", "exited")
    assert run("slave_start", stopped).did == [
        "start arpanet_backends",
        "ensure arpanet_backends_agent",
    ]


def test_another_name_renames_it(run):
    assert run("slave_start", HOLDER, AMBASSADOR_NAME="amb").did == [
        "rename arpanet_backends amb",
        "ensure amb_agent",
    ]


def test_a_name_that_is_taken_is_refused_before_anything_is_touched(run):
    engine = Engine(HOLDER, AGENT, others=[container("amb")])
    with pytest.raises(NameTaken, match="the name amb is taken by a container of image theirs"):
        run("slave_start", engine, AMBASSADOR_NAME="amb")
    assert engine.did == []


def test_proxy_plane_enters_the_namespace_of_what_clients_are_linked_to(run):
    engine = run("slave_start", HOLDER, AGENT, ARPANET_PLANE="proxy")
    assert engine.did == ["stop ambassador", CLEAR, "ensure arpanet_backends_agent"]
    (spec,) = engine.specs
    assert (spec.network, spec.capabilities, spec.also, spec.pid_host, spec.security) == (
        "container:arpanet_backends",
        (),
        ("NET_ADMIN",),  # in that namespace, and no other
        False,
        (),
    )


def test_proxy_plane_where_nothing_can_be_left_runs_nothing_with_privileges(run):
    again = Engine(HOLDER, AGENT, pid_mode="")
    assert run("slave_start", again, ARPANET_PLANE="proxy").did == ["ensure arpanet_backends_agent"]
    assert CLEAR not in run("slave_start", ARPANET_PLANE="proxy").did


def test_the_change_to_the_proxy_plane_may_be_interrupted(run):
    """What the ambassador was tells that links may be left: so it is what it was until none is."""
    engine = Engine(HOLDER, AGENT)

    def killed(spec, timeout):
        raise KeyboardInterrupt

    clears, engine.run_to_end = engine.run_to_end, killed
    with pytest.raises(KeyboardInterrupt):
        run("slave_start", engine, ARPANET_PLANE="proxy")
    assert engine.did == ["stop ambassador"]
    engine.run_to_end = clears
    did = run("slave_start", engine, ARPANET_PLANE="proxy").did[1:]
    assert did == ["stop ambassador", CLEAR, "ensure arpanet_backends_agent"]


def test_proxy_follows_what_clients_are_linked_to_when_that_is_started_again(run):
    stopped = ("arpanet_backends", "backends", "exited")
    engine = Engine(stopped, AGENT, pid_mode="")
    assert run("slave_start", engine, ARPANET_PLANE="proxy").did == [
        "start arpanet_backends",
        "stop ambassador",
        "ensure arpanet_backends_agent",
    ]


def test_what_the_proxy_plane_would_drop_is_said_before(run, tmp_path):
    env = {"BACKEND_1": "a", "BACKEND_53_UDP": "dns"}
    web = container("web", labels={"connect.80": "a", "connect.81": "b c"}, env=env)
    volume.change(tmp_path, lambda _: (Added("id-web", 82, "tcp", "a"),))
    said = []
    engine = Engine(HOLDER, AGENT, others=[web])
    engine.mounts = [{"Destination": str(nodes.LINKS), "Source": str(tmp_path)}]
    engine.ensure = lambda spec: said.extend(engine.said) or "created"
    run("slave_start", engine, ARPANET_PLANE="proxy")
    assert said == [
        "the proxy plane carries TCP to arpanet_backends only, so these links end: "
        "web (arpanet_backends:53/udp), web (localhost:80), web (localhost:82)"
    ]
    assert run("slave_start", Engine(HOLDER, AGENT, others=[web])).said == []


def test_back_from_the_proxy_plane_of_a_former_version(run):
    alone = ("arpanet_backends", "ambassador", "running")
    assert run("slave_start", alone).did == [
        "remove ambassador",
        "ensure arpanet_backends",
        "ensure arpanet_backends_agent",
    ]
    engine = Engine(alone, linked=["web", "app"])
    with pytest.raises(EngineError, match="would not start app, web again"):
        run("slave_start", engine)
    assert engine.did == []


def test_stop_takes_links_out_when_nobody_puts_them_back_any_more(run):
    every = ["remove ambassador", CLEAR, "stop arpanet_backends", "remove arpanet_backends"]
    assert run("slave_stop", HOLDER, AGENT).did == every
    dead = ("arpanet_backends_agent", "ambassador", "exited")
    assert run("slave_stop", HOLDER, dead).did == every
    assert run("slave_stop", HOLDER).did == every
    assert run("slave_stop").did == ["remove ambassador"]
    removed = Engine()
    removed.volumes["arpanet_links"] = {}
    assert run("slave_stop", removed).did == ["remove ambassador", CLEAR]


def test_stop_keeps_what_clients_are_linked_to(run):
    engine = run("slave_stop", Engine(HOLDER, AGENT, linked=["web"]))
    assert engine.did == ["remove ambassador", CLEAR]
    assert engine.said == [
        "container arpanet_backends stays: Docker starts none of web without it, since they are "
        "linked to it; remove them, and run this again"
    ]


def test_stop_takes_out_of_it_what_the_proxy_alone_has_left_there(run):
    engine = run("slave_stop", Engine(HOLDER, AGENT, linked=["web"], pid_mode=""))
    assert engine.did == ["remove ambassador", "run clear --here "]
    dead = ("arpanet_backends", "backends", "exited")  # and its namespace with it
    engine = run("slave_stop", Engine(dead, AGENT, linked=["web"], pid_mode=""))
    assert engine.did == ["remove ambassador"]


def test_links_that_stay_are_told(run):
    engine = Engine(AGENT)
    engine.exit = (1, b"", b"first\nno permission\n")
    assert "until these are restarted: no permission" in run("slave_stop", engine).said[0]


def test_links(run):
    link = Link("web", 80, "a", "localhost:80", error="service a has no instance")
    engine = Engine(AGENT)
    engine.files["/run/arpanet/ambassador.json"] = report.encode(Told([link]).packed, 0, 0)
    assert run("links", engine).answer == (link,)


@pytest.mark.parametrize(
    ("own", "says"),
    [
        ((), "'arpanet slave start'"),
        ((("a", "ambassador", "exited"),), "'arpanet slave start'"),
        ((AGENT,), "has not seen both"),
    ],
)
def test_no_links_to_tell_of(run, own, says):
    with pytest.raises(EngineError, match=says):
        run("links", *own)


NO_LINKS = json.loads(report.encode(Told().packed, 0, 0))


@pytest.mark.parametrize(
    ("own", "files", "state", "says"),
    [
        ((), {}, "absent", "slave start"),
        ((("a", "ambassador", "exited"),), {}, "down", "docker logs a"),
        ((HOLDER, AGENT), {}, "degraded", "waits for Docker and the registry"),
        ((HOLDER, AGENT), {"agent": {"registry": "no master answers"}}, "degraded", "no master"),
        ((AGENT,), {}, "down", "arpanet_backends does not run"),
        ((HOLDER, AGENT), {"ambassador": NO_LINKS}, "ok", "links: 0"),
    ],
)
def test_status(run, own, files, state, says):
    engine = Engine(*own)
    engine.files = {f"/run/arpanet/{n}.json": json.dumps(one) for n, one in files.items()}
    line = run("status", engine).answer[-1]
    assert line.state == state
    assert says in line.detail
