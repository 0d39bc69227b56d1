"""Dial an address all the time, and tell what failed: what an app behind a link notices.

A script that needs the standard library only: it is run inside a container's network namespace, as
``python -I dialer.py ADDRESS PORT [--every S] [--held N] [--limit S] [--udp]``. It asks a redis for
the key ``where`` over a new connection each time, and over held connections ten times a second; by
UDP who says again what it hears, from new sockets and from held ones in the same way. It prints
``ready`` once it has had its first answer, and with the end of its input one line of JSON:

    {"dialled": 1200, "answers": {"host1": 1190}, "failed": [[time, seconds, why], ...],
     "held": 4, "broken": [[time, why, "host1"], ...], "slowest": seconds,
     "stalled": seconds}

Limits don't run while this process itself does not (:class:`Loop`). Times are seconds since the
epoch. A redis that was not told where it is answers ``""``, and so does who answers by UDP.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

ASK = b"GET where\r\n"
#: Seconds between two questions over a held connection.
HELD_EVERY = 0.1
#: Seconds after which a datagram is sent again: it, or its answer, may be lost, as resolvers know.
AGAIN = 0.5
#: Seconds of its own that the dialer may lack the processor for: more were none of who is dialled.
STALL = 0.5


class Loop(asyncio.SelectorEventLoop):
    """Has a clock that stands still while nobody lets this process run.

    An answer takes several turns of the loop; with the clock of the world a limit that ran out
    meanwhile would come before answers that have long been there.

    :ivar stalled: seconds that were left out.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.stalled = 0.0
        self._world, self._seen = clock, clock()

    def time(self) -> float:
        """Return what timers go by; asked at each turn, of which there are ten a second."""
        now = self._world()
        if now - self._seen > STALL:
            self.stalled += now - self._seen
        self._seen = now
        return now - self.stalled


class Dialer:
    """Both kinds of load, and what became of them."""

    #: What is said of a failure that came once there was a connection.
    taken = " after it was taken"

    def __init__(self, address: str, port: int, every: float, held: int, limit: float) -> None:
        self.address, self.port = address, port
        self.every, self.held, self.limit = every, held, limit
        self.dialled = 0
        self.answers: Counter[str] = Counter()
        self.failed: list[tuple[float, float, str]] = []
        self.broken: list[tuple[float, str, str]] = []
        self.slowest = 0.0
        self.ready = asyncio.Event()

    async def open(self) -> tuple[Any, Any]:
        """Return a new connection: what :meth:`ask` takes, of which the second can be closed."""
        return await asyncio.open_connection(self.address, self.port)

    async def ask(self, reader: Any, writer: Any) -> str:
        """Ask which host serves; return its name."""
        writer.write(ASK)
        async with asyncio.timeout(self.limit):  # wait_for may lose that it was cancelled
            head = await reader.readline()
            if head == b"$-1\r\n":
                return ""
            if not head.startswith(b"$"):
                raise ConnectionError(f"answered {head!r}")
            return str(await reader.readline(), "utf-8").strip()

    async def dial_once(self) -> None:
        """Connect, ask, close; note what happened."""
        began, when, stage = time.monotonic(), time.time(), ""
        self.dialled += 1
        try:
            async with asyncio.timeout(self.limit):
                reader, writer = await self.open()
            stage = self.taken
            try:
                self.answers[await self.ask(reader, writer)] += 1
            finally:
                writer.close()
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as problem:
            self.failed.append((when, time.monotonic() - began, f"{why(problem)}{stage}"))
        else:
            self.ready.set()
        self.slowest = max(self.slowest, time.monotonic() - began)

    async def dial(self) -> None:
        """Begin a new connection at each tick, whatever became of the ones before."""
        running: set[asyncio.Task[None]] = set()
        due = time.monotonic()
        try:
            while True:
                one = asyncio.create_task(self.dial_once())
                running.add(one)
                one.add_done_callback(running.discard)
                due = max(due + self.every, time.monotonic() - 1)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
        finally:
            if running:  # those that hang are failures as well, once their time is over
                await asyncio.wait(running, timeout=self.limit + 1)

    async def hold(self) -> None:
        """Use one connection for as long as it lasts; then note it, and use another."""
        await self.ready.wait()
        while True:
            try:
                reader, writer = await self.open()
            except OSError:  # told by those who dial
                await asyncio.sleep(HELD_EVERY)
                continue
            where = None
            try:
                while True:
                    where = await self.ask(reader, writer)
                    await asyncio.sleep(HELD_EVERY)
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as problem:
                if where is not None:  # else it was never one: told by those who dial, too
                    self.broken.append((time.time(), why(problem), where))
            finally:
                writer.close()

    def report(self) -> dict[str, Any]:
        """Return the line of JSON."""
        return {
            "dialled": self.dialled,
            "answers": dict(self.answers),
            "failed": self.failed,
            "held": self.held,
            "broken": self.broken,
            "slowest": self.slowest,
            "stalled": getattr(asyncio.get_running_loop(), "stalled", 0.0),
        }


class Heard(asyncio.DatagramProtocol):
    """Notes that an answer came. That a datagram can't be sent just now is as if it were lost."""

    def __init__(self) -> None:
        self.news = asyncio.Event()

    def datagram_received(self, *_: Any) -> None:
        """Note it."""
        self.news.set()


class Datagrams(Dialer):
    """The same by UDP: a connection is a socket."""

    taken = ""

    async def open(self) -> tuple[Any, Any]:
        """Return a socket that is not connected: what it sends may go elsewhere each time."""
        loop = asyncio.get_running_loop()
        transport, heard = await loop.create_datagram_endpoint(Heard, ("0.0.0.0", 0))
        return heard, transport

    async def ask(self, reader: Any, writer: Any) -> str:
        """Ask again until there is an answer, which names nobody."""
        reader.news.clear()
        async with asyncio.timeout(self.limit):
            while not reader.news.is_set():
                writer.sendto(ASK, (self.address, self.port))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(AGAIN):
                        await reader.news.wait()
        return ""


def why(problem: BaseException) -> str:
    """Return one word or two for a failure."""
    if isinstance(problem, TimeoutError):
        return "timed out"
    if isinstance(problem, ConnectionRefusedError):
        return "refused"
    if isinstance(problem, ConnectionResetError | BrokenPipeError):
        return "reset"
    return str(problem) or type(problem).__name__


async def until_input_ends() -> None:
    """Return when nobody wants more: the end of standard input."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


async def turn() -> None:
    """Have the loop turn: see :meth:`Loop.time`."""
    while True:
        await asyncio.sleep(STALL / 5)


async def run(dialer: Dialer) -> None:
    """Load until the input ends, then let the dials under way end."""
    turning = asyncio.create_task(turn())
    tasks = [asyncio.create_task(dialer.dial())]
    tasks += [asyncio.create_task(dialer.hold()) for _ in range(dialer.held)]
    over = asyncio.create_task(until_input_ends())
    await asyncio.wait(
        [over, asyncio.create_task(dialer.ready.wait())], return_when=asyncio.FIRST_COMPLETED
    )
    print("ready", flush=True)  # noqa: T201
    await over
    for one in tasks:
        one.cancel()
    for one in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await one
    turning.cancel()
    print(json.dumps(dialer.report()), flush=True)  # noqa: T201


def main() -> None:
    """Read the command line, and load."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--every", type=float, default=0.01)
    parser.add_argument("--held", type=int, default=4)
    parser.add_argument("--limit", type=float, default=5.0)
    parser.add_argument("--udp", dest="kind", action="store_const", const=Datagrams, default=Dialer)
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(run(given.kind(given.address, given.port, given.every, given.held, given.limit)))


if __name__ == "__main__":
    main()
