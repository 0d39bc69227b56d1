"""The proxy: the ambassador itself listens on every port that it is given, and dials for clients.

As ambassadord's omnimode does, it finds the client by its source address, but in the present
records: an address that was given to another container leads nowhere the old one went. As
ambassadord's README promises, and its code does not, it dials the next target when one can't be
reached.

Everything but :meth:`Proxy.update`, :meth:`Proxy.drop` and :meth:`Proxy.close` runs in the proxy's
own thread.
"""

import asyncio
import logging
import resource
import socket
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Collection, Coroutine, Mapping
from contextlib import suppress
from typing import Any

from arpanet import Target
from arpanet_ambassador.planes.proxy.relay import CHUNK, Relay

__all__ = ["Proxy", "Routes"]

log = logging.getLogger(__name__)

#: Client's address -> the port that it dials -> where that goes.
Routes = Mapping[str, Mapping[int, tuple[Target, ...]]]
#: The same two -> seconds that a connection is held while it has nowhere to go.
Waits = Mapping[tuple[str, int], float]
#: Seconds that a client is held of which it is not known that it dials this port: it has just
#: started, maybe with the address of one that has ended, and Docker tells of that after its first
#: instruction; on a busy machine, seconds after it.
UNKNOWN = 10.0
#: Seconds that one target may take to accept.
CONNECT = 2.0
#: Seconds that the caller's thread waits for the proxy's; binding and closing take no time.
ANSWER = 5.0
#: Seconds for which a target that did not take a connection is dialled after all others.
AVOIDED = 5.0
#: Seconds until accepting is tried again when there are too many open files, and from one word of
#: that, or of a client that has too many connections, to the next.
PAUSE, QUIET = 0.1, 10.0
#: Open files that are left to the rest of the ambassador; a connection takes two.
RESERVED = 512
BACKLOG = 1024
#: A peer that vanished is noticed within two minutes, also when nobody sends.
KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))
ABORT = struct.pack("ii", 1, 0)


class Proxy:
    """Listens, finds the client, dials.

    :param host: the address to listen on; all of the ambassador's own by default.
    :param most: connections that one client may have; by default, half of all that there can be.
    :param early: takes dials of all ports that nobody listens on.
    """

    def __init__(
        self, host: str = "0.0.0.0", most: int = 0, early: socket.socket | None = None
    ) -> None:
        self._host = host
        self._room = max(1, (_raised_limit() - RESERVED) // 2)
        self._most = most or self._room // 2
        self._held: Counter[str] = Counter()
        self._avoided: dict[Target, float] = {}
        self._quiet_until = 0.0
        self._routes: Routes = {}
        self._waits: Waits = {}
        self._news = asyncio.Event()
        self._turns: Counter[tuple[str, int]] = Counter()
        self._listeners: dict[int, socket.socket] = {}
        self._relays: dict[asyncio.Task[None], tuple[str, int] | None] = {}
        self._buffer = memoryview(bytearray(CHUNK))
        self._loop = asyncio.new_event_loop()
        self._always = frozenset[int]()
        if early:
            port = early.getsockname()[1]
            self._always = frozenset((port,))
            self._listen_on(port, early)
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()

    def update(
        self, routes: Routes, waits: Waits | None = None, ports: Collection[int] = ()
    ) -> Mapping[int, str]:
        """Serve *routes* from now on; return the ports that can't be listened on, and why.

        :param ports: to be listened on besides: who dials there may be in later routes.
        """
        self._routes, self._waits = routes, waits or {}
        return self._call(
            self._listen({*ports, *(port for one in routes.values() for port in one)})
        )

    def endpoints(self) -> frozenset[tuple[str, int]]:
        """Return where there are connections to now. May be called from any thread."""
        return frozenset(one for one in list(self._relays.values()) if one)

    def drop(self, endpoint: tuple[str, int]) -> None:
        """Reset the connections to *endpoint*: it is gone. May be called from any thread."""
        with suppress(RuntimeError):  # it was closed just now
            self._loop.call_soon_threadsafe(self._drop, endpoint)

    def close(self) -> None:
        """Stop listening, reset all connections, end the thread."""
        self._routes = {}
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER)
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, Mapping[int, str]]) -> Mapping[int, str]:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER)

    # -- in the proxy's thread -------------------------------------------------------------------

    async def _listen(self, ports: set[int]) -> Mapping[int, str]:
        self._news.set()
        self._news = asyncio.Event()
        for port in self._listeners.keys() - ports - self._always:
            self._close(port)
        for key in [key for key in self._turns if key[1] not in self._routes.get(key[0], {})]:
            del self._turns[key]
        troubles = {}
        for port in sorted(ports - self._listeners.keys()):
            try:
                listener = socket.create_server((self._host, port), backlog=BACKLOG)
            except OSError as problem:
                reason = problem.strerror or str(problem)
                troubles[port] = f"the ambassador cannot listen on port {port}: {reason}"
                continue
            self._listen_on(port, listener)
        return troubles

    def _listen_on(self, port: int, listener: socket.socket) -> None:
        listener.setblocking(False)
        _keep_alive(listener)  # what is accepted has it of this one
        self._listeners[port] = listener
        self._attend(port)

    def _attend(self, port: int) -> None:
        if listener := self._listeners.get(port):
            self._loop.add_reader(listener, self._accept, listener, port)

    def _accept(self, listener: socket.socket, port: int) -> None:
        # not by asyncio's sock_accept: cancelled at the wrong moment, it drops a client unclosed
        try:
            client, (source, _) = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # it thought better of it
            return
        except OSError as problem:
            self._say("port %d: cannot accept: %s", port, problem)
            self._loop.remove_reader(listener)
            self._loop.call_later(PAUSE, self._attend, port)
            return
        if self._held[source] >= self._most or len(self._relays) >= self._room:
            self._say("client %s has %d connections, and gets no more", source, self._held[source])
            _abort(client)
            client.close()
            return
        client.setblocking(False)
        self._held[source] += 1
        dialled = client.getsockname()[1]  # of what comes early, any
        relay = self._loop.create_task(self._serve(client, source, dialled))
        self._relays[relay] = None

        def ended(relay: asyncio.Task[None]) -> None:
            del self._relays[relay]
            self._held[source] -= 1
            if not self._held[source]:
                del self._held[source]
            client.close()  # one that is cancelled before its first step never gets so far

        relay.add_done_callback(ended)

    def _say(self, words: str, *parts: object) -> None:
        """Warn, but not each time: whoever floods a port must not flood the log."""
        if self._loop.time() >= self._quiet_until:
            self._quiet_until = self._loop.time() + QUIET
            log.warning(words, *parts)

    def _close(self, port: int) -> None:
        listener = self._listeners.pop(port)
        self._loop.remove_reader(listener)
        listener.close()

    async def _serve(self, client: socket.socket, source: str, port: int) -> None:
        with client:
            server = await self._dial(source, port)
            if server is None:
                _abort(client)
                return
            with server:
                relay = Relay(self._loop, client, server, self._buffer)
                try:
                    await relay.done
                except (OSError, asyncio.CancelledError):
                    _abort(client, server)
                finally:
                    relay.stop()

    async def _dial(self, source: str, port: int) -> socket.socket | None:
        """Return a connection to the first target in turn that takes one."""
        targets = await self._targets(source, port)
        first = zlib.crc32(f"{source}:{port}".encode()) + self._turns[source, port]
        self._turns[source, port] += 1
        turns = [targets[(first + turn) % len(targets)] for turn in range(len(targets))]
        now = self._loop.time()
        self._avoided = {one: until for one, until in self._avoided.items() if until > now}
        for target in sorted(turns, key=lambda one: one in self._avoided):
            try:
                return await self._connect(target)
            except (OSError, TimeoutError) as problem:
                self._avoided[target] = self._loop.time() + AVOIDED
                log.debug("%s port %d: %s:%d: %s", source, port, target.ip, target.port, problem)
        return None

    async def _targets(self, source: str, port: int) -> tuple[Target, ...]:
        """Return where a client's dial may go; wait for that as long as its link says."""
        began = self._loop.time()
        while True:
            links = self._routes.get(source, {})
            targets = links.get(port, ())
            patience = self._waits.get((source, port), 0.0) if port in links else UNKNOWN
            left = began + patience - self._loop.time()
            if targets or left <= 0:
                return targets
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._news.wait()

    async def _connect(self, target: Target) -> socket.socket:
        family = socket.AF_INET6 if ":" in target.ip else socket.AF_INET
        server = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        _keep_alive(server)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(CONNECT):
                    await self._loop.sock_connect(server, (target.ip, target.port))
            server.getpeername()  # a loop that got no processor finds answers and limits together
        except BaseException:
            server.close()
            raise
        if relay := asyncio.current_task():
            self._relays[relay] = (target.ip, target.port)
        return server

    def _drop(self, endpoint: tuple[str, int]) -> None:
        for relay in [one for one, leads_to in self._relays.items() if leads_to == endpoint]:
            relay.cancel()

    async def _end(self) -> Mapping[int, str]:
        for port in list(self._listeners):
            self._close(port)
        relays = list(self._relays)
        for relay in relays:
            relay.cancel()
        await asyncio.gather(*relays, return_exceptions=True)
        return {}


def _raised_limit() -> int:
    """Let this process have as many open files as it may; return how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(soft, hard)


def _keep_alive(connection: socket.socket) -> None:
    """Send what is small at once; notice a peer that vanished."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE:
        connection.setsockopt(socket.IPPROTO_TCP, option, value)


def _abort(*connections: socket.socket) -> None:
    """Have the peers see a reset rather than an orderly end."""
    for connection in connections:
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
