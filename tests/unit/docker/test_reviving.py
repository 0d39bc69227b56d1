"""What Docker has given up is started again, and nothing else is."""

import pytest

from arpanet.docker.reviving import Reviving
from arpanet.docker.specs import OwnContainer
from arpanet.errors import EngineUnreachable
from tests.conftest import wait_for


class Host:
    """Has containers; what is started runs, unless there is a *problem*."""

    def __init__(self, *containers):
        self.broken = ()
        self.containers, self.started, self.problems, self.looks = containers, [], [], 0

    def own(self):
        self.looks += 1
        return self.containers

    def start(self, container):
        if container in self.broken:
            raise EngineUnreachable("no")
        if self.problems:
            raise self.problems.pop()
        self.started.append(container)
        self.containers = [one for one in self.containers if one.id != container]


def container(name, given_up=""):
    return OwnContainer(name, "etcd", "exited", "image", f"id-{name}", "t0", "master", given_up)


@pytest.fixture
def revive():
    begun = []

    def revive(host):
        begun.append(Reviving(host, 0.001))

    yield revive
    for one in begun:
        one.close()


def test_only_what_docker_could_not_start_is_started(revive):
    full = "no space left on device"
    names = ("a.new", "b.old")
    host = Host(container("stopped"), container("etcd", full), *(container(n, full) for n in names))
    revive(host)
    wait_for(lambda: host.started)
    after = host.looks
    wait_for(lambda: host.looks > after + 1)
    assert host.started == ["id-etcd"]


@pytest.mark.parametrize("problem", [EngineUnreachable("no"), ValueError("odd")])
def test_what_fails_is_tried_again(revive, problem):
    host = Host(container("etcd", "no space left on device"))
    host.problems = [problem, problem]
    revive(host)
    wait_for(lambda: host.started == ["id-etcd"])


def test_one_that_cannot_be_started_holds_up_no_other(revive):
    host = Host(container("a", "no such container"), container("etcd", "no space left on device"))
    host.broken = ("id-a",)
    revive(host)
    wait_for(lambda: host.started == ["id-etcd"])


def test_closed_is_closed():
    host = Host()
    one = Reviving(host, 0.001)
    wait_for(lambda: host.looks)
    one.close()
    after = host.looks
    assert not one._thread.is_alive()
    assert host.looks == after
