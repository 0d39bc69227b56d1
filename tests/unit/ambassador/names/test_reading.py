"""Hosts files, read by workers."""

import threading

from arpanet_ambassador.names.hosts import File
from arpanet_ambassador.names.reading import HostsFiles

from tests.conftest import wait_for

WEB, APP = File(1, "t0", frozenset({"redis"})), File(2, "t0", frozenset({"redis"}))


def test_one_that_hangs_holds_up_nobody():
    hangs, told = threading.Event(), []

    def read(pid):
        if pid == WEB.pid:
            hangs.wait(10)
        return f"172.17.0.{pid} redis\n"

    files = HostsFiles(lambda: told.append(1), read)
    files.want({"web": WEB, "app": APP})
    wait_for(lambda: files.found == {"app": {"172.17.0.2"}})
    for _ in range(50):
        files.want({"web": WEB, "app": APP}, again=True)
    assert sum(one.name == "hosts" for one in threading.enumerate()) < 10
    hangs.set()
    wait_for(lambda: files.found == {"app": {"172.17.0.2"}, "web": {"172.17.0.1"}})
    wait_for(lambda: len(told) == 2)


def test_read_once_then_only_what_is_new_or_asked_for_again():
    read = []
    files = HostsFiles(lambda: None, lambda pid: read.append(pid) or "172.17.0.9 redis\n")
    files.want({"web": WEB})
    wait_for(lambda: files.found)
    files.want({"web": WEB})
    files.want({"web": WEB, "app": APP})
    wait_for(lambda: len(files.found) == 2)
    assert read == [1, 2]
    files.want({"app": APP}, again=True)
    wait_for(lambda: read == [1, 2, 2])
    assert files.found.keys() == {"app"}


def test_many_that_hang_are_bounded():
    hangs, begun = threading.Event(), []

    def read(pid):
        begun.append(pid)
        return str(hangs.wait(10))

    files = HostsFiles(lambda: None, read)
    files.want({str(n): File(n, "t", frozenset()) for n in range(100)})
    files.want({str(n): File(n, "t", frozenset()) for n in range(100)}, again=True)
    wait_for(lambda: len(begun) >= 16)
    assert len(begun) == 16
    hangs.set()
    wait_for(lambda: len(files.found) == 100)
