"""One question, kept answered by blocking queries in a thread of its own.

Consul's rules for who asks so (https://developer.hashicorp.com/consul/api-docs/features/blocking):
an index that goes back begins anew, one below 1 is 1, and a failure is followed by a pause.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

import urllib3

from arpanet import codec
from arpanet_consul.query import Addresses, Query, addresses

__all__ = ["Watch"]

log = logging.getLogger(__name__)

#: Seconds that Consul may hold a question, to which it adds up to a sixteenth; and seconds for all
#: else that an answer takes.
WAIT, ANSWER = 30, 5
#: Seconds before the next try, doubled up to the second figure while nobody answers.
PAUSE, LONGEST = 0.5, 15.0
#: Seconds between two questions at least: not every server that answers holds them.
LEAST = 0.1


class Watch:
    """What Consul says of *query* now.

    :param server: the base URL of a Consul agent.
    :param changed: called, from another thread, when the answer differs from the last one.
    :ivar answer: addresses, or one sentence that says why there are none.
    """

    def __init__(self, server: str, query: Query, changed: Callable[[], None]) -> None:
        self._server, self._query, self._changed = server, query, changed
        self._http = urllib3.PoolManager(1, retries=False)
        self._index = 0
        self._closed = threading.Event()
        self.answer: Addresses | str = f"Consul has not answered for {query.service} yet"
        name = f"consul-{query.service}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def close(self) -> None:
        """Ask no more. The thread ends with the answer that it waits for; it tells nobody."""
        self._closed.set()

    def _run(self) -> None:
        pause = PAUSE
        while not self._closed.is_set():
            try:
                found = self._ask()
            except (urllib3.exceptions.HTTPError, ValueError) as problem:
                self._index = 0
                self._say(f"Consul at {self._server} does not answer as it should: {_why(problem)}")
                self._closed.wait(pause)
                pause = min(2 * pause, LONGEST)
            except Exception:  # whatever it is, it may be gone when it is asked again
                log.exception("asking Consul failed")
                self._closed.wait(LONGEST)
            else:
                pause = PAUSE
                self._say(found)
                self._closed.wait(LEAST)
        self._http.clear()

    def _ask(self) -> Addresses:
        """Return the addresses once they differ, or after some time.

        :raises ValueError: what was said is no answer.
        """
        path = self._query.path(self._index, WAIT)
        held = WAIT + WAIT / 16 if self._index else 0
        timeout = urllib3.Timeout(connect=ANSWER, read=held + ANSWER)
        answer = self._http.request("GET", f"{self._server}{path}", timeout=timeout)
        if answer.status != 200:
            words = answer.data[:100].decode(errors="replace").strip()
            raise ValueError(f"{answer.status} {words}")
        found = addresses(codec.parse(answer.data))
        self._index = _following(self._index, answer.headers.get("X-Consul-Index"))
        return found

    def _say(self, answer: Addresses | str) -> None:
        if answer != self.answer and not self._closed.is_set():
            log.info("%s: %s", self._query.service, answer)
            self.answer = answer
            self._changed()


def _following(index: int, told: Any) -> int:
    """Return the index to wait for a change of, 0: ask for what there is now."""
    following = max(int(told or 0), 1)
    return following if following >= index else 0


def _why(problem: Exception) -> str:
    if isinstance(problem, urllib3.exceptions.TimeoutError):
        return "no answer in time"
    return str(problem).rpartition(": ")[2] or type(problem).__name__
