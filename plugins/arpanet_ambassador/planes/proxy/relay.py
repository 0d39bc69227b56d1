"""What two connections say to each other, carried between them."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

__all__ = ["Relay"]

CHUNK = 1 << 18


class Relay:
    """Carries both directions until both have ended; one may end before the other (half-close).

    By callbacks that stay with the loop while there is anything to come: a task that waits for each
    piece costs more than the piece.

    :param buffer: of :data:`CHUNK` bytes; all relays of a loop may share it.
    :ivar done: ends with the relay, or with what went wrong (OSError).
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        client: socket.socket,
        server: socket.socket,
        buffer: memoryview,
    ) -> None:
        self.done = loop.create_future()
        self._loop, self._buffer = loop, buffer
        self._both = (client, server)
        self._open = 2
        self._begin(client, server)
        self._begin(server, client)

    def stop(self) -> None:
        """Carry nothing from now on; before the connections are closed."""
        for one in self._both:
            self._loop.remove_reader(one)
            self._loop.remove_writer(one)

    def _begin(self, source: socket.socket, sink: socket.socket) -> None:
        """Wait for what *source* says."""
        buffer, receive, send = self._buffer, source.recv_into, sink.send

        def carry() -> None:
            try:
                got = receive(buffer)
            except BlockingIOError:
                return
            except OSError as problem:
                self._fail(problem)
                return
            if not got:
                self._ended(source, sink)
                return
            try:
                sent = send(buffer[:got])
            except BlockingIOError:
                sent = 0
            except OSError as problem:
                self._fail(problem)
                return
            if sent < got:
                self._hold(source, sink, bytes(buffer[sent:got]), carry)

        self._loop.add_reader(source, carry)

    def _hold(
        self, source: socket.socket, sink: socket.socket, left: bytes, carry: Callable[[], None]
    ) -> None:
        """Hear no more of *source* until *sink* has taken what is *left*."""
        rest = memoryview(left)

        def deliver() -> None:
            nonlocal rest
            try:
                rest = rest[sink.send(rest) :]
            except BlockingIOError:
                return
            except OSError as problem:
                self._fail(problem)
                return
            if not rest:
                self._loop.remove_writer(sink)
                self._loop.add_reader(source, carry)

        self._loop.remove_reader(source)
        self._loop.add_writer(sink, deliver)

    def _ended(self, source: socket.socket, sink: socket.socket) -> None:
        self._loop.remove_reader(source)
        with suppress(OSError):  # it has closed already
            sink.shutdown(socket.SHUT_WR)
        self._open -= 1
        if not self._open and not self.done.done():
            self.done.set_result(None)

    def _fail(self, problem: OSError) -> None:
        self.stop()
        if not self.done.done():
            self.done.set_exception(problem)
