"""Two clients, an ambassador and servers, each in a network namespace of its own, on one bridge."""

import socket
import subprocess
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

from arpanet_ambassador.planes import namespaces
from arpanet_ambassador.planes.plane import Home

from tests.conftest import wait_for

AMBASSADOR, CLIENT, SERVERS = "10.99.0.2", "10.99.0.3", ("10.99.0.11", "10.99.0.12")
OTHER, WEB, SERVERS6, CLIENT6 = "10.99.0.4", "10.99.0.5", "fd99::11", "fd99::3"


def anybody(home):
    """These namespaces have no containers."""
    return True


class Node:
    """A process in a network namespace."""

    def __init__(self, name, uid=0):
        user = (f"--reuid={uid}", "--clear-groups", "--pdeathsig=KILL")
        self.process = subprocess.Popen(["unshare", "--net", "setpriv", *user, "sleep", "infinity"])
        self.home = Home(f"id-{name}", self.process.pid)

    def do(self, job):
        """Call *job* in the namespace; threads and sockets that it makes stay there."""
        return namespaces.visit(self.home, job, anybody)

    def sh(self, script):
        """Run a shell script in the namespace, return its output."""
        command = ["nsenter", f"--net=/proc/{self.process.pid}/ns/net", "sh", "-ec", script]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=60
        ).stdout

    def rules(self):
        """Return the table of the namespace as nft lists it, ``""`` when it has none."""
        return self.sh('nft list table ip arpanet 2>/dev/null || test -z "$(nft list tables ip)"')

    def dial(self, host, port, timeout=30.0):
        """Return a connection made in the namespace."""
        return self.do(lambda: socket.create_connection((host, port), timeout))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Lan:
    """All of them."""

    def __init__(self, client_uid=0):
        self._sockets = []
        self._addresses = {}
        with ExitStack() as failed:
            self.client, self.other, self.ambassador, self.servers = self.nodes = [
                failed.enter_context(Node(name, uid))
                for name, uid in (
                    ("client", client_uid),
                    ("other", 0),
                    ("ambassador", 0),
                    ("servers", 0),
                )
            ]
            self._wire()
            failed.pop_all()

    def _wire(self):
        self.up(self.servers)
        addresses = "".join(f"ip addr add {one}/24 dev br0;" for one in SERVERS)
        addresses += f"ip addr add {SERVERS6}/64 dev br0 nodad;"
        # with an address of its own: else it has the lowest one of its ports, which come and go
        own = "ip link add br0 address 02:00:00:00:00:01 type bridge"
        self.servers.sh(f"{own}; ip link set br0 up; {addresses}")
        for node, address in (
            (self.client, CLIENT),
            (self.other, OTHER),
            (self.ambassador, AMBASSADOR),
        ):
            self.join(node, address)
        self.address6(self.client)
        self.ambassador.sh("ip addr add fd99::2/64 dev eth0 nodad")

    def join(self, node, address):
        """Put *node* on the bridge."""
        self.up(node)
        pid = node.process.pid
        self.servers.sh(
            f"ip link add p{pid} type veth peer name eth0 netns {pid};"
            f"ip link set p{pid} master br0; ip link set p{pid} up"
        )
        node.sh(f"ip addr add {address}/24 dev eth0; ip link set eth0 up")
        self._addresses[node] = address

    def leave(self, node):
        """Take *node* off it: its namespace may live on for some milliseconds, and answer there."""
        self.servers.sh(f"ip link del p{node.process.pid}")
        del self._addresses[node]

    def of(self, node):
        """Return the address of a node."""
        return self._addresses.get(node, "")

    def address6(self, node):
        """Give *node* the client's IPv6 address; it loses it when its IPv6 is switched off."""
        node.sh(f"ip addr replace {CLIENT6}/64 dev eth0 nodad; ip addr replace ::1/128 dev lo")

    def up(self, node):
        """Wait until *node* is in a namespace of its own, with a loopback."""
        mine = Path("/proc/self/ns/net").readlink()
        theirs = Path(f"/proc/{node.process.pid}/ns/net")
        wait_for(lambda: theirs.readlink() != mine)
        node.sh("ip link set lo up")

    def serve(self, ip, port, node=None):
        """Run a server that says its address, then echoes; at the end it says ``bye``."""
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        listener = (node or self.servers).do(
            lambda: socket.create_server((ip, port), backlog=512, family=family)
        )
        self._sockets.append(listener)
        thread = threading.Thread(target=self._accept, args=(listener, f"{ip}:{port}"), daemon=True)
        thread.start()
        return listener

    def answer(self, ip, port):
        """Run a server that answers each datagram with its address."""

        def bound():
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            made.bind((ip, port))
            return made

        made = self.servers.do(bound)
        self._sockets.append(made)
        threading.Thread(target=_answer, args=(made, f"{ip}:{port}"), daemon=True).start()

    def _accept(self, listener, name):
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self._sockets.append(connection)
                threading.Thread(target=_converse, args=(connection, name), daemon=True).start()

    def accepted(self, client):
        """Return the server's side of a connection."""
        for one in self._sockets:
            with suppress(OSError):
                if one.getpeername() == client:
                    return one
        raise LookupError(client)

    def end(self):
        """Take everything down."""
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for node in self.nodes:
            node.__exit__()


def _answer(made, name):
    with suppress(OSError):
        while (received := made.recvfrom(65536))[1]:  # none when it is shut down
            made.sendto(name.encode(), received[1])


def _converse(connection, name):
    with suppress(OSError), connection:
        connection.sendall(f"{name}\n".encode())
        while data := connection.recv(65536):
            connection.sendall(data)
        connection.sendall(b"bye")


def hello(connection):
    """Return what the server called itself."""
    said = b""
    while not said.endswith(b"\n"):
        data = connection.recv(1)
        assert data, "closed"
        said += data
    return said.decode().strip()


def echoes(connection):
    """Whether the connection still carries data there and back."""
    connection.sendall(b"x")
    return connection.recv(1) == b"x"
