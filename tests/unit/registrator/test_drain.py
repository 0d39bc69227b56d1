"""``arpanet drain``: the real command line beside a registry in memory, which its agent follows."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from arpanet_registrator import drain

from arpanet.context import Context
from arpanet.host import drained
from arpanet.records import STOPPING, Instance
from tests.unit.registrator.fakes import FakeEngine, by_id, redis

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue\n"


class Host:
    """A host whose agent takes marks in at once, unless it hangs."""

    def __init__(self, store, path, proc):
        self.store, self.path, self.proc = store, path, proc
        self.engine = FakeEngine()
        self.registrator = "running"
        self.engine.own = lambda part: [SimpleNamespace(state=self.registrator)]
        self.engine.containers = lambda: self.running
        self.engine.inspect = lambda name: {"Id": name} if name == "r0" else None
        bare = replace(redis("bare"), id="b", pid=7, ports=())
        self.running = by_id(replace(redis(), id="r0", pid=7), bare)
        self.hangs = False
        self.engine.close = lambda: None

    def publish(self):
        held = drained.read(self.path).holds(self.running["r0"])
        one = Instance("h1:r0:6379", ("redis",), "h1", "10.0.0.1", 10000, container="r0")
        self.store.change("h1", None, [replace(one, health=STOPPING if held else "")])

    def connected(self, *peers):
        """Let those be connected to the port of r0, and others to other ports."""
        lines = [f"   0: 020011AC:18EB {peer}:9C40 01 0:0 0 0" for peer in peers]
        lines += ["   9: 020011AC:18EC 0300000A:9C40 01 0:0 0 0"]
        (self.proc / "7/net/tcp").write_text(HEAD + "\n".join(lines) + "\n")


@pytest.fixture
def host(recorder, monkeypatch, tmp_path):
    proc, path = tmp_path / "proc", tmp_path / "run/drained.json"
    (proc / "7/net").mkdir(parents=True)
    found = Host(recorder.store, path, proc)
    found.connected()
    change = drained.change

    def changing(*given):
        done = change(*given)
        if not found.hangs:
            found.publish()
        return done

    monkeypatch.setattr(Context, "engine", found.engine)
    monkeypatch.setattr(drain, "PROC", proc)
    monkeypatch.setattr(drain, "LOOK", 0.01)
    monkeypatch.setattr(drain, "TAKEN_IN", 0.1)
    monkeypatch.setattr(drained, "place", lambda: path)
    monkeypatch.setattr(drained, "change", changing)
    monkeypatch.setenv("HOSTNAME", "h1")
    monkeypatch.setenv("ARPANET_IP", "10.0.0.1")
    found.publish()
    return found


def health(host):
    return [one.health for one in host.store.read().instances.values()]


def test_there_and_back(arpanet, host):
    done = arpanet("drain", "r0")
    assert (done.code, done.out) == (0, "")
    assert done.err == (
        "service redis has no other instance: who dials it is refused\nr0 has no connection left\n"
    )
    assert health(host) == [STOPPING]
    assert arpanet("drain", "r0").err.splitlines()[0] == "r0 is drained already"
    done = arpanet("drain", "r0", "--undo")
    assert (done.code, done.err) == (0, "r0 takes new connections again\n")
    assert health(host) == [""]
    done = arpanet("drain", "r0", "--undo")
    assert (done.code, done.err) == (0, "r0 is not drained\n")


def test_a_whole_host_twice(arpanet, host):
    assert arpanet("drain", "--host").code == 0
    done = arpanet("drain", "--host")
    assert (done.code, done.err.splitlines()[0]) == (0, "host h1 is drained already")
    assert arpanet("drain", "--host", "--undo").code == 0
    assert health(host) == [""]


def test_what_is_left_is_said_and_it_stays_drained(arpanet, host):
    host.connected("0300000A", "0300000A", "0400000A", "0100007F")
    done = arpanet("drain", "r0", "--timeout", "0.05")
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "arpanet: r0 has 3 connections left after 0.05 s, 2 of 10.0.0.3, 1 of 10.0.0.4;"
        " it takes no new ones; run this again to wait on, or with --undo"
    )
    assert health(host) == [STOPPING]


def test_a_mark_that_nobody_takes_in(arpanet, host):
    host.hangs = True
    done = arpanet("drain", "r0")
    assert done.code == 1
    assert "the registry does not have it after 0.1 s" in done.err


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        ((), 2, "name one container, or give --host; 'docker ps' lists containers"),
        (("r0", "--host"), 2, "name one container, or give --host"),
        (("nosuch",), 1, "no container nosuch runs on this host; 'docker ps' lists them"),
        (("r0", "--timeout", "soon"), 2, "'soon' is no number of seconds, up to a day"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_changes_nothing(arpanet, host, argv, code, words):
    done = arpanet("drain", *argv)
    assert (done.code, done.err.count(words)) == (code, 1)
    assert health(host) == [""] and not host.path.exists()


def test_what_is_no_service_is_not_drained(arpanet, host):
    host.engine.inspect = lambda name: {"Id": "b"}
    done = arpanet("drain", "bare")
    assert done.code == 1
    assert done.err.startswith("arpanet: container bare is no service: nothing to drain; it has no")


def test_arpanets_own_are_not_drained(arpanet, host):
    host.running["r0"] = replace(host.running["r0"], labels={"arpanet.part": "etcd"})
    done = arpanet("drain", "r0")
    assert (done.code, "container r0 is arpanet's own" in done.err) == (1, True)
    assert arpanet("drain", "--host").code == 0  # there is nothing else
    assert health(host) == [""]


def test_nobody_would_hear_of_it(arpanet, host):
    host.registrator = "exited"
    done = arpanet("drain", "r0")
    assert (done.code, done.err) == (
        1,
        "arpanet: no registrator runs on this host; run 'arpanet slave start'\n",
    )


def test_from_another_machine(arpanet, host):
    (host.proc / "7/net/tcp").unlink()
    (host.proc / "7/net").rmdir()
    (host.proc / "7").rmdir()
    done = arpanet("drain", "r0")
    assert (done.code, "run this on the host that the containers are on" in done.err) == (1, True)
