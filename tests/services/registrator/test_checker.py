"""Checks by label, asked of real servers."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from arpanet_registrator import memory
from arpanet_registrator.checker import Checker
from arpanet_registrator.checks import Check
from arpanet_registrator.memory import Kept, Key

from tests.conftest import wait_for

KEY, OTHER = ("c0", 80), ("c1", 80)


class Server(socketserver.ThreadingTCPServer):
    """Does what it is told to with each connection; counts them."""

    daemon_threads = True

    def __init__(self) -> None:
        self.talk: Callable[[socket.socket], None] = lambda sock: None
        self.taken = 0
        self.over = threading.Event()
        super().__init__(("127.0.0.1", 0), None)  # type: ignore[arg-type]

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        self.taken += 1
        try:
            self.talk(request)
        except OSError:
            """The check has hung up."""

    @property
    def address(self) -> str:
        return "{}:{}".format(*self.server_address)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.05,))
        thread.start()
        yield found
        found.over.set()
        found.shutdown()
        thread.join()


@pytest.fixture
def checking() -> Iterator[Checker]:
    found = Checker(lambda: None)
    yield found
    found.want({})
    wait_for(lambda: found.health == {})


def says(line: bytes) -> Callable[[socket.socket], None]:
    def talk(sock: socket.socket) -> None:
        asked = sock.recv(4096)
        assert asked.startswith(b"GET /up HTTP/1.1\r\nHost: 127.0.0.1:")
        sock.sendall(line)

    return talk


def test_up_down_and_up_again(server: Server, checking: Checker) -> None:
    server.talk = says(b"HTTP/1.1 204 No Content\r\n\r\n")
    checking.want({KEY: Check("/up", 0.05, server.address)})
    wait_for(lambda: checking.health == {KEY: "healthy"})
    server.talk = says(b"HTTP/1.1 503 Busy\r\n\r\n")
    wait_for(lambda: checking.health == {KEY: "unhealthy"})
    server.talk = says(b"HTTP/1.0 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n")
    wait_for(lambda: checking.health == {KEY: "healthy"})
    checking.want({})
    wait_for(lambda: checking.health == {})


def test_who_was_ill_is_so_for_the_next_agent_until_proven(server: Server, tmp_path: Path) -> None:
    path, check = tmp_path / "kept", Check("/up", 0.05, server.address, "run 1")
    former = Checker(lambda: None, kept=Kept(path))
    server.talk = says(b"HTTP/1.1 204 No Content\r\n\r\n")
    former.want({KEY: check})
    wait_for(lambda: former.health == {KEY: "healthy"})
    server.talk = says(b"HTTP/1.1 503 Busy\r\n\r\n")

    def known(run: str) -> dict[Key, str]:
        return {key: judge.health for key, judge in memory.read(path, {"c0": run}).items()}

    wait_for(lambda: known("run 1") == {KEY: "unhealthy"})
    assert known("run 2") == {}
    heard: list[object] = []
    found = Checker(lambda: heard.append(found.health), memory.read(path, {"c0": "run 1"}))
    former.want({})
    assert found.health == {KEY: "unhealthy"}
    found.want({KEY: check})
    before = server.taken
    wait_for(lambda: server.taken >= before + 3)
    assert (found.health, heard) == ({KEY: "unhealthy"}, [])
    server.talk = says(b"HTTP/1.1 204 No Content\r\n\r\n")
    wait_for(lambda: heard == [{KEY: "healthy"}])
    found.want({KEY: replace(check, run="run 2")})  # started anew: it has yet to answer
    wait_for(lambda: found.health == {KEY: "healthy"} and len(heard) == 2)
    found.want({})
    wait_for(lambda: former.health == found.health == {})


def trickles(server: Server) -> Callable[[socket.socket], None]:
    def talk(sock: socket.socket) -> None:
        while not server.over.wait(0.01):
            sock.sendall(b"H")

    return talk


def hangs(server: Server) -> Callable[[socket.socket], None]:
    return lambda sock: server.over.wait() and None


@pytest.mark.parametrize("way", [trickles, hangs])
def test_one_that_takes_for_ever_holds_up_nobody(
    server: Server, checking: Checker, way: Callable[[Server], Callable[[socket.socket], None]]
) -> None:
    server.talk = says(b"HTTP/1.1 200 OK\r\n\r\n")
    check = Check("/up", 0.2, server.address)
    checking.want({KEY: check})
    wait_for(lambda: checking.health == {KEY: "healthy"})
    server.talk = way(server)
    wait_for(lambda: checking.health == {KEY: "unhealthy"})
    before = server.taken
    checking.want({KEY: check, OTHER: Check("", 0.05, server.address)})
    wait_for(lambda: checking.health == {KEY: "unhealthy", OTHER: "healthy"})
    wait_for(lambda: server.taken > before + 3)


@pytest.mark.parametrize(
    "words", [b"", b"\r\n", b"SSH-2.0-x\r\n", b"HTTP/1.1\r\n", b"HTTP/1.1 ok\r\n", b"\xff" * 5000]
)
def test_what_is_no_http_is_no_answer(server: Server, checking: Checker, words: bytes) -> None:
    server.talk = lambda sock: sock.sendall(words)
    check, by_tcp = Check("/up", 0.05, server.address), Check("", 0.05, server.address)
    checking.want({KEY: check, OTHER: by_tcp})
    wait_for(lambda: checking.health == {KEY: "starting", OTHER: "healthy"})
    before = server.taken
    wait_for(lambda: server.taken > before + 6)
    assert checking.health[KEY] == "starting"


def test_a_port_that_flaps_is_counted(server: Server, checking: Checker) -> None:
    well = threading.Event()
    ways = {True: says(b"HTTP/1.1 200 OK\r\n\r\n"), False: says(b"HTTP/1.1 500 No\r\n\r\n")}
    server.talk = lambda sock: ways[well.is_set()](sock)
    checking.want({KEY: Check("/up", 0.02, server.address)})
    for _ in range(3):
        well.set()
        wait_for(lambda: checking.health == {KEY: "healthy"})
        well.clear()
        wait_for(lambda: checking.health == {KEY: "unhealthy"})
    assert checking.flapping == {KEY: 3}
