"""Which containers a slave has for its links, and what the command line reads out of them."""

import json
from types import SimpleNamespace

import pytest
from arpanet_ambassador import nodes
from arpanet_ambassador.links import report
from arpanet_ambassador.plugin import AMBASSADOR_NAME, ARPANET_PLANE, AmbassadorPlugin

from arpanet.docker.specs import OwnContainer
from arpanet.errors import EngineError
from arpanet.records import Link
from arpanet.settings import CORE, Settings, Source


class Engine:
    """Notes what is asked of it."""

    def __init__(self, *own):
        self.containers = [OwnContainer(n, part, state, "i", n, "t") for n, part, state in own]
        self.did, self.specs, self.files = [], [], {}
        self.exit = (0, b"", b"")

    def own(self, part):
        return [one for one in self.containers if one.part == part]

    def ensure(self, spec):
        self.specs.append(spec)
        self.did.append(f"ensure {spec.name}")

    def remove_part(self, part):
        self.did.append(f"remove {part}")
        self.containers = [one for one in self.containers if one.part != part]

    def start(self, container):
        self.did.append(f"start {container}")

    def inspect(self, container):
        return {"Config": {"Entrypoint": ["/python", "-m", "arpanet"]}}

    def exec(self, name, argv, timeout):
        self.did.append(f"exec {name}: {' '.join(argv)}")
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
        said = []
        context = SimpleNamespace(engine=engine, settings=found, say=said.append)
        engine.answer = getattr(AmbassadorPlugin(), f"arpanet_{hook}")(context)
        engine.said = said
        return engine

    return call


HOLDER = ("arpanet_backends", "backends", "running")
AGENT = ("arpanet_backends_agent", "ambassador", "running")
CLEAR = "/python -m arpanet_ambassador.planes.nftables.clearing"


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
    assert (agent.network, agent.capabilities, agent.pid_host) == (
        "host",
        ("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE"),
        True,
    )


def test_what_clients_are_linked_to_is_never_replaced(run):
    assert run("slave_start", HOLDER).did == ["ensure arpanet_backends_agent"]
    stopped = ("arpanet_backends", "backends", "exited")
    assert run("slave_start", stopped).did == [
        "start arpanet_backends",
        "ensure arpanet_backends_agent",
    ]


def test_another_name(run):
    assert run("slave_start", HOLDER, AMBASSADOR_NAME="amb").did == [
        "ensure amb",
        "ensure amb_agent",
    ]


def test_proxy_plane_is_one_container_without_privileges(run):
    engine = run("slave_start", HOLDER, AGENT, ARPANET_PLANE="proxy")
    assert engine.did == [
        f"exec arpanet_backends_agent: {CLEAR}",
        "remove backends",
        "ensure arpanet_backends",
    ]
    (spec,) = engine.specs
    assert (spec.network, spec.capabilities, spec.pid_host, spec.security) == (
        "bridge",
        (),
        False,
        (),
    )


def test_back_from_the_proxy_plane(run):
    alone = ("arpanet_backends", "ambassador", "running")
    assert run("slave_start", alone).did == [
        "remove ambassador",
        "ensure arpanet_backends",
        "ensure arpanet_backends_agent",
    ]


def test_stop_takes_links_out_first(run):
    assert run("slave_stop", HOLDER, AGENT).did == [
        f"exec arpanet_backends_agent: {CLEAR}",
        "remove ambassador",
        "remove backends",
    ]
    assert run("slave_stop").did == ["remove ambassador", "remove backends"]


def test_links_that_stay_are_told(run):
    engine = Engine(AGENT)
    engine.exit = (1, b"", b"first\nno permission\n")
    assert "until these are restarted: no permission" in run("slave_stop", engine).said[0]


def test_links(run):
    link = Link("web", 80, "a", "localhost:80", error="service a has no instance")
    engine = Engine(AGENT)
    engine.files["/run/arpanet/ambassador.json"] = json.dumps(report.encode([link], "auto", 0, 0))
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


@pytest.mark.parametrize(
    ("own", "files", "state", "says"),
    [
        ((), {}, "absent", "slave start"),
        ((("a", "ambassador", "exited"),), {}, "down", "docker logs a"),
        ((HOLDER, AGENT), {}, "degraded", "waits for Docker and the registry"),
        ((HOLDER, AGENT), {"agent": {"registry": "no master answers"}}, "degraded", "no master"),
        ((AGENT,), {}, "down", "arpanet_backends does not run"),
        ((HOLDER, AGENT), {"ambassador": report.encode([], "auto", 0, 0)}, "ok", "0 links"),
    ],
)
def test_status(run, own, files, state, says):
    engine = Engine(*own)
    engine.files = {f"/run/arpanet/{n}.json": json.dumps(one) for n, one in files.items()}
    line = run("status", engine).answer[-1]
    assert line.state == state
    assert says in line.detail
