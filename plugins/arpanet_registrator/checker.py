"""Asking what :mod:`arpanet_registrator.checks` declares: one thread, one task for each check."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from arpanet import hostport
from arpanet_registrator import memory
from arpanet_registrator.checks import FLAPPING, Check, Judge
from arpanet_registrator.memory import Kept, Key

if TYPE_CHECKING:  # it takes its time and its memory, and most hosts have nothing to ask
    import asyncio

__all__ = ["Checker", "answers"]

#: Bytes of an answer's first line, at most.
LINE = 1024


class Checker:
    """Keeps asking what is wanted.

    :param changed: called, from the thread of this class, when :attr:`health` changed.
    :param known: what an earlier agent found; it holds for what the first :meth:`want` asks.
    :param kept: takes what is found, for the next one.
    """

    def __init__(
        self,
        changed: Callable[[], None],
        known: Mapping[Key, Judge] | None = None,
        kept: Kept | None = None,
    ) -> None:
        self._changed, self._known, self._kept = changed, dict(known or {}), kept
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: dict[Key, tuple[Check, asyncio.Task[None]]] = {}
        self._judges: dict[Key, Judge] = {}

    @property
    def health(self) -> Mapping[Key, str]:
        """Docker's words for what is asked; what is not known yet is ``starting``."""
        return {key: judge.health for key, judge in list((self._known | self._judges).items())}

    @property
    def flapping(self) -> Mapping[Key, int]:
        """What fell again and again of late, and how often."""
        now = time.monotonic()
        counts = {key: judge.fallen(now) for key, judge in list(self._judges.items())}
        return {key: count for key, count in counts.items() if count >= FLAPPING}

    def want(self, checks: Mapping[Key, Check]) -> None:
        """Keep asking *checks*, and forget all others. Returns at once."""
        if self._loop is None:
            if not checks:
                return
            import asyncio

            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="checks", daemon=True).start()
        self._loop.call_soon_threadsafe(self._adjust, dict(checks))

    def _adjust(self, wanted: Mapping[Key, Check]) -> None:
        import asyncio

        for key, (check, task) in list(self._tasks.items()):
            if wanted.get(key) != check:
                task.cancel()
                del self._tasks[key], self._judges[key]
        for key in wanted.keys() - self._tasks.keys():
            judge = self._judges[key] = self._known.get(key) or Judge(time.monotonic())
            task = asyncio.get_running_loop().create_task(self._ask(wanted[key], judge))
            self._tasks[key] = wanted[key], task
        self._known = {}
        self._keep()

    def _keep(self) -> None:
        if self._kept:
            judges = {key: (check, self._judges[key]) for key, (check, _) in self._tasks.items()}
            self._kept.keep(memory.written(judges))

    async def _ask(self, check: Check, judge: Judge) -> None:
        import asyncio

        while True:
            began = time.monotonic()
            if judge.hear(await answers(check), time.monotonic()):
                self._keep()
                self._changed()
            rest = check.every * random.uniform(0.9, 1.1)  # noqa: S311
            await asyncio.sleep(max(0.0, began + rest - time.monotonic()))


async def answers(check: Check) -> bool:
    """Return whether what is checked is well: in time, by HTTP with a status of 200 to 399."""
    import asyncio

    try:
        async with asyncio.timeout(check.patience):
            return await _answers(check)
    except (OSError, ValueError, TimeoutError):
        return False


async def _answers(check: Check) -> bool:
    import asyncio

    host, port = hostport.split(check.address)
    reader, writer = await asyncio.open_connection(host, port, limit=LINE)
    try:
        if not check.path:
            return True
        request = f"GET {check.path} HTTP/1.1\r\nHost: {check.address}\r\n"
        writer.write(f"{request}User-Agent: arpanet\r\nConnection: close\r\n\r\n".encode())
        words = (await reader.readline()).split(maxsplit=2)
        return words[0].startswith(b"HTTP/") and 200 <= int(words[1]) < 400
    except IndexError:
        return False
    finally:
        writer.transport.abort()
