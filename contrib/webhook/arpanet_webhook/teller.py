"""Tells the newest state to the URL, as long as this host leads; in a thread of its own.

Level, not edge: what is told is the difference between what was told last and what there is now, so
nothing is lost while the URL does not answer, and what came and went meanwhile is not told at all.
"""

import logging
import threading
from collections.abc import Mapping
from typing import Any

import urllib3

from arpanet import Leadership, RegistryError, Snapshot
from arpanet_webhook.changes import Told, changes, decode, delivery, encode, seen

__all__ = ["Teller"]

log = logging.getLogger(__name__)

#: Seconds between two looks at whether this host leads, and between two requests at least.
LOOK, LEAST = 1.0, 1.0
#: Seconds before the next try, doubled up to the second figure while the URL does not answer.
PAUSE, LONGEST = 1.0, 60.0
#: Seconds that the URL has to answer.
ANSWER = 4.0


class Teller:
    """Tells *url* of changes.

    :param leadership: one in the cluster tells; it keeps what was told.
    :param host: the name of this host, for the receiver.
    """

    def __init__(self, url: str, leadership: Leadership, host: str) -> None:
        self._url, self._leadership, self._host = url, leadership, host
        self._http = urllib3.PoolManager(1, retries=False, timeout=ANSWER)
        self._now: Told | None = None
        #: what was told last, ``None`` while that is not known
        self._told: Told | None = None
        self._news = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self._thread.start()

    def tell(self, snapshot: Snapshot) -> None:
        """Let *snapshot* be what there is. Returns at once."""
        self._now = seen(snapshot)
        self._news.set()

    def close(self, seconds: float = ANSWER) -> None:
        """Tell what there is still to tell, and stop; give up after *seconds*."""
        self._closed.set()
        self._news.set()
        self._thread.join(seconds)
        self._leadership.close()

    def _run(self) -> None:
        pause = PAUSE
        while True:
            closed = self._closed.is_set()
            self._news.clear()
            try:
                self._round()
            except (urllib3.exceptions.HTTPError, RegistryError, ValueError) as problem:
                log.warning("%s was not told: %s", self._url, problem)
                wait, pause = pause, min(2 * pause, LONGEST)
            except Exception:
                log.exception("telling %s failed", self._url)
                wait = LONGEST
            else:
                wait, pause = 0.0, PAUSE
            if closed:
                return
            self._closed.wait(wait or LEAST)
            if not wait:
                self._news.wait(LOOK)

    def _round(self) -> None:
        """Tell what is to be told.

        :raises HTTPError, ValueError: the URL was not reached, or did not say 2xx.
        :raises RegistryError: what was told could not be read or kept.
        """
        now = self._now
        if not self._leadership.leading:
            self._told = None  # whoever leads meanwhile tells, and keeps it
            return
        if now is None:
            return
        if self._told is None:
            self._told = decode(self._leadership.recall())
        if found := changes(self._told, now):
            self._post({"id": delivery(found), "host": self._host, "changes": found})
            self._told = now
            try:
                self._leadership.keep(encode(now))
            except RegistryError:
                self._told = None
                raise

    def _post(self, body: Mapping[str, Any]) -> None:
        answer = self._http.request("POST", self._url, json=body)
        if not 200 <= answer.status < 300:
            raise ValueError(f"it says {answer.status}")
        log.info("told %d changes, %s", len(body["changes"]), body["id"])
