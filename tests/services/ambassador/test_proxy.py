"""The proxy plane, on the loopback of this host."""

import os
import resource
import socket
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest
from arpanet_ambassador.planes.proxy import proxy as module
from arpanet_ambassador.planes.proxy.proxy import PAUSE, Proxy

from arpanet import sockets
from arpanet.records import Target
from tests.conftest import SLOW, wait_for

CLIENT, STRANGER = "127.0.0.1", "127.0.0.9"


class Server:
    """Says its name, echoes until the client ends, then says ``bye``."""

    def __init__(self, name):
        self.name = name.encode()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.target = Target(*self.listener.getsockname()[:2], name)
        self.connections = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.converse, args=(connection,), daemon=True).start()

    def converse(self, connection):
        try:
            connection.sendall(self.name)
            while data := connection.recv(65536):
                connection.sendall(data)
            connection.sendall(b"bye")
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        for one in (self.listener, *self.connections):
            one.close()


@pytest.fixture
def servers():
    found = [Server("a"), Server("b")]
    yield found
    for one in found:
        one.close()


@pytest.fixture
def proxy():
    one = Proxy("127.0.0.1")
    yield one
    one.close()


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def dial(port, source=CLIENT):
    return socket.create_connection(("127.0.0.1", port), 5, source_address=(source, 0))


def expect_reset(port, source=CLIENT):
    """A reset, maybe before this side has seen that it is connected."""
    with pytest.raises(ConnectionResetError), dial(port, source) as connection:
        connection.recv(1)


def refusing():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return Target(*closed.getsockname()[:2])


def all_of(connection):
    said = b""
    while data := connection.recv(65536):
        said += data
    return said


def test_there_and_back_with_half_close(proxy, servers, port):
    assert proxy.update({CLIENT: {port: (servers[0].target,)}}) == {}
    with dial(port) as connection:
        connection.sendall(b"hello")
        connection.shutdown(socket.SHUT_WR)
        assert all_of(connection) == b"ahellobye"


def test_the_servers_half_is_closed_alone(proxy, port):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.update({CLIENT: {port: (Target(*listener.getsockname()[:2]),)}})
        with dial(port) as connection, listener.accept()[0] as server:
            server.sendall(b"x")
            server.shutdown(socket.SHUT_WR)
            assert all_of(connection) == b"x"
            connection.sendall(b"still")
            assert server.recv(5) == b"still"


def test_turns(proxy, servers, port):
    proxy.update({CLIENT: {port: tuple(one.target for one in servers)}})
    reached = []
    for _ in range(4):
        with dial(port) as connection:
            reached.append(connection.recv(1))
    assert sorted(reached) == [b"a", b"a", b"b", b"b"]


def test_next_target_when_one_refuses(proxy, servers, port):
    proxy.update({CLIENT: {port: (refusing(), refusing(), servers[1].target)}})
    for _ in range(3):
        with dial(port) as connection:
            assert connection.recv(1) == b"b"


@contextmanager
def full_queue():
    """A target that takes no connection and refuses none: later SYNs are dropped."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as full:
        address = full.getsockname()[:2]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        yield Target(*address)
        for one in waiting:
            one.close()


def test_next_target_when_one_does_not_answer(proxy, servers, port):
    with full_queue() as silent:
        proxy.update({CLIENT: {port: (silent, servers[1].target)}})
        began = time.monotonic()
        for _ in range(2):
            with dial(port) as connection:
                assert connection.recv(1) == b"b"
        assert 1.5 < time.monotonic() - began < 4 * SLOW


def test_a_target_that_does_not_answer_is_waited_for_once(proxy, servers, port):
    with full_queue() as silent:
        proxy.update({CLIENT: {port: (silent, servers[1].target)}})
        began = time.monotonic()
        for _ in range(20):
            with dial(port) as connection:
                assert connection.recv(1) == b"b"
        assert time.monotonic() - began < 4 * SLOW  # 20 with two seconds each otherwise


def test_a_client_that_floods_leaves_room_for_others(servers, port, caplog):
    proxy = Proxy("127.0.0.1", most=20)
    routes = {port: (servers[0].target,)}
    proxy.update({CLIENT: routes, STRANGER: routes})
    held = [dial(port) for _ in range(20)]
    assert all(one.recv(1) == b"a" for one in held)
    for _ in range(5):
        expect_reset(port)
    with dial(port, STRANGER) as connection:
        assert connection.recv(1) == b"a"
    held.pop().close()
    wait_for(lambda: _reaches(port))
    for one in held:
        one.close()
    proxy.close()
    assert len([line for line in caplog.messages if "gets no more" in line]) == 1


def _reaches(port):
    try:
        with dial(port) as connection:
            return connection.recv(1) == b"a"
    except ConnectionResetError:
        return False


def test_as_many_files_may_be_open_as_the_system_lets(proxy):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == hard


def test_without_a_free_descriptor_it_says_so_once_and_goes_on(proxy, servers, port, caplog):
    proxy.update({CLIENT: {port: (servers[0].target,)}})
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as client:
        client.settimeout(5 * SLOW)
        os.close(free := os.dup(0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            client.connect(("127.0.0.1", port))
            wait_for(lambda: "cannot accept" in caplog.text, every=0.01)
            time.sleep(4 * PAUSE)  # it has been tried again since
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert client.recv(1) == b"a"
    assert len([line for line in caplog.messages if "cannot accept" in line]) == 1


@pytest.mark.parametrize("targets", [(), None])
def test_nothing_to_dial_is_a_reset_at_once(proxy, port, targets):
    proxy.update({CLIENT: {port: (refusing(),) if targets is None else targets}})
    expect_reset(port)


def test_unknown_client_is_reset(proxy, servers, port, monkeypatch):
    monkeypatch.setattr(module, "UNKNOWN", 0.1)
    proxy.update({CLIENT: {port: (servers[0].target,)}})
    expect_reset(port, STRANGER)


@pytest.mark.parametrize("former", [{}, {STRANGER: {1: ()}}])
@pytest.mark.parametrize("link", ["there", "nowhere"])
def test_a_client_that_docker_has_not_told_of_yet_is_held_until_it_has(
    proxy, servers, port, link, former
):
    """Also where its address was that of a client that has ended, which Docker has not told yet."""
    routes = {port: (servers[0].target,)}
    proxy.update({CLIENT: routes, **former})
    with dial(port, STRANGER) as held:
        proxy.update({CLIENT: routes, **former})  # of another: it says nothing of this one
        proxy.update({CLIENT: routes, STRANGER: routes if link == "there" else {port: ()}})
        if link == "there":
            assert held.recv(1) == b"a"
        else:
            with pytest.raises(ConnectionResetError):
                held.recv(1)


def test_what_will_be_dialled_is_listened_on_before_anybody_is_known(proxy, servers, port):
    proxy.update({}, ports=[port])
    with dial(port, STRANGER) as held:
        proxy.update({STRANGER: {port: (servers[0].target,)}})
        assert held.recv(1) == b"a"
    proxy.update({})
    with pytest.raises(ConnectionRefusedError):
        dial(port)


def test_address_given_to_another_container(proxy, servers, port):
    for one in servers:
        proxy.update({CLIENT: {port: (one.target,)}})
        with dial(port) as connection:
            assert connection.recv(1) == one.name
    proxy.update({CLIENT: {port: ()}})
    expect_reset(port)


def test_port_that_nobody_declares_any_more_is_closed(proxy, servers, port):
    proxy.update({CLIENT: {port: (servers[0].target,)}})
    with dial(port) as connection:
        assert connection.recv(1) == b"a"
        proxy.update({})
        wait_for(lambda: refuses(port))
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"


def refuses(port):
    try:
        dial(port).close()
    except ConnectionRefusedError:
        return True
    return False


def test_port_that_is_taken_is_told_and_taken_when_it_is_free(proxy, servers, port):
    routes = {CLIENT: {port: (servers[0].target,)}}
    with socket.create_server(("127.0.0.1", port)):
        assert "Address already in use" in proxy.update(routes)[port]
    assert proxy.update(routes) == {}
    with dial(port) as connection:
        assert connection.recv(1) == b"a"


def test_reset_goes_through(proxy, port):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.update({CLIENT: {port: (Target(*listener.getsockname()[:2]),)}})
        with dial(port) as connection:
            server, _ = listener.accept()
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            server.close()
            with pytest.raises(ConnectionResetError):
                connection.recv(1)


def test_connections_to_what_is_gone_are_dropped(proxy, servers, port):
    a, b = servers
    proxy.update({CLIENT: {port: (a.target,)}, STRANGER: {port: (b.target,)}})
    with dial(port) as one, dial(port, STRANGER) as two:
        assert (one.recv(1), two.recv(1)) == (b"a", b"b")
        proxy.drop((a.target.ip, a.target.port))
        with pytest.raises(ConnectionResetError):
            one.recv(1)
        two.sendall(b"x")
        assert two.recv(1) == b"x"


def test_a_slow_reader_holds_the_sender_back(proxy, port):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.update({CLIENT: {port: (Target(*listener.getsockname()[:2]),)}})
        with dial(port) as connection, listener.accept()[0] as server:
            connection.settimeout(0.5)
            sent = 0
            with pytest.raises(TimeoutError):
                for _ in range(4096):
                    sent += connection.send(b"x" * 65536)
            assert sent < 128 << 20
            connection.shutdown(socket.SHUT_WR)
            server.settimeout(5)
            assert len(all_of(server)) == sent


def test_two_hundred_at_the_same_time(proxy, servers, port):
    proxy.update({CLIENT: {port: tuple(one.target for one in servers)}})
    with ExitStack() as stack:
        connections = [stack.enter_context(dial(port)) for _ in range(200)]
        reached = [one.recv(1) for one in connections]
        assert reached.count(b"a") == reached.count(b"b") == 100
        payload = bytes(100_000)
        for one in connections:
            threading.Thread(target=lambda one=one: (one.sendall(payload), one.shutdown(1))).start()
        assert all(all_of(one) == payload + b"bye" for one in connections)


def test_a_proxy_that_gets_no_processor_blames_no_target_for_it(port, monkeypatch):
    """What has answered meanwhile has answered in time."""
    monkeypatch.setattr(module, "CONNECT", 0.9)
    one, goes_on = Proxy("127.0.0.1"), threading.Event()
    # a full queue: the second connection is taken when its SYN comes again, a second later
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        place = listener.getsockname()[:2]
        one.update({CLIENT: {port: (Target(*place),)}})
        with socket.create_connection(place) as first, dial(port) as connection:
            wait_for(lambda: any(one.target == place for one in sockets.asking()))
            one._loop.call_soon_threadsafe(goes_on.wait)
            accepted = [listener.accept()[0] for _ in range(2)]
            assert accepted[0].getpeername() == first.getsockname()
            goes_on.set()
            accepted[1].sendall(b"x")
            assert connection.recv(1) == b"x"
            for two in accepted:
                two.close()
    one.close()


def test_a_connection_is_held_until_there_is_somewhere_to_go(proxy, servers, port):
    one = servers[0]
    proxy.update({CLIENT: {port: ()}}, {(CLIENT, port): 60.0})
    with socket.create_connection((CLIENT, port), 30) as held:
        proxy.update({CLIENT: {port: ()}}, {(CLIENT, port): 60.0})
        proxy.update({CLIENT: {port: (one.target,)}}, {(CLIENT, port): 60.0})
        assert held.recv(1) == b"a"


@pytest.mark.parametrize("end", ["time is over", "the link went"])
def test_who_is_held_in_vain_is_reset(proxy, port, end):
    seconds = 0.1 if end == "time is over" else 600.0
    proxy.update({CLIENT: {port: ()}}, {(CLIENT, port): seconds})
    with socket.create_connection((CLIENT, port), 30) as held:
        if end == "the link went":
            proxy.update({})
        with pytest.raises(ConnectionError):
            held.recv(1)
