"""What a master's agent does for the masters: snapshots by schedule, and stores that stay small.

Every master's agent looks; the one beside etcd's leader does what is due, so that it is done once.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from arpanet import ArpanetError, RegistryError, codec, statusfile
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters.plan import Own
from arpanet_etcd.masters.status import Survey, Surveyor
from arpanet_etcd.upkeep import taking
from arpanet_etcd.upkeep.due import QUOTA, Deed, due
from arpanet_etcd.upkeep.status import PART

__all__ = ["Caretaker", "Schedule", "last", "superfluous"]

log = logging.getLogger(__name__)

#: What a snapshot that failed is known by.
SNAPSHOT = "snapshot"
#: Seconds between two looks.
EVERY = 30.0
#: Seconds until what failed, or helped nothing, is tried again.
AGAIN = 600.0
#: Seconds for a member to write its store anew.
DEFRAGMENTED = 120.0


@dataclass(frozen=True)
class Schedule:
    """What is due when.

    :ivar directory: where snapshots go, ``arpanet-<time>.db``.
    :ivar every: seconds between two; 0: none are taken.
    :ivar kept: how many stay there.
    """

    directory: Path
    every: float
    kept: int


class Caretaker:
    """Looks once at a time; :meth:`start` has a thread do so until :meth:`close`.

    :param places: where the masters answer clients.
    :param origin: the key that says what the store is of; the last snapshot is noted beside it.
    :param ca: returns the fingerprints of the CA.
    :ivar failed: what was tried last and in vain, until it succeeds or is due no more: a member's
        id, whose store was to be defragmented, or :data:`SNAPSHOT` -> why.
    """

    def __init__(
        self,
        own: Own,
        places: Sequence[str],
        origin: str,
        ca: Callable[[], tuple[str, ...]],
        schedule: Schedule,
        quota: int = QUOTA,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._own, self._origin, self._ca = own, origin, ca
        self._surveyor, self._gateway = Surveyor(places), Gateway(places)
        self._schedule, self._quota, self._clock = schedule, quota, clock
        self.failed: dict[str, str] = {}
        self._tried: dict[str, float] = {}
        self._not_before = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop; what is under way is not waited for for long."""
        self._ended.set()
        self._thread.join(5)
        self._surveyor.close()
        self._gateway.close()

    def _run(self) -> None:
        while not self._ended.wait(EVERY):
            trouble = ""
            try:
                self.look()
            except ArpanetError as problem:
                trouble = str(problem)
                log.warning("the masters' upkeep: %s", trouble)
            except Exception as problem:  # whatever it is, the next look may be better
                log.exception("the masters' upkeep failed, and goes on")
                trouble = f"{type(problem).__name__}: {problem}"
            words = dict.fromkeys((*self.failed.values(), trouble))
            with suppress(OSError):
                statusfile.write(PART, {"trouble": "; ".join(filter(None, words))})

    def look(self) -> None:
        """Do one thing that is due, where this host's etcd leads.

        :raises ArpanetError: it could not be done.
        """
        found = self._surveyor.look()
        mine = next((m for m in found.members if self._own.client_url in m.client_urls), None)
        leader = found.reports[mine.id].leader if mine else ""
        if mine is None or leader != mine.id:
            if leader:
                self.failed = {}  # its agent goes on, and tells
            return
        now = self._clock()
        self._tried = {one: at for one, at in self._tried.items() if now - at < AGAIN}
        if deed := due(found, self._tried, self._quota):
            self._do(deed, found)
        elif all(one.healthy for one in found.reports.values()):
            again = {SNAPSHOT, *self._tried}
            self.failed = {one: why for one, why in self.failed.items() if one in again}
        if self._schedule.every and now >= self._not_before:
            with self._noted(SNAPSHOT):
                self._snapshot()

    @contextmanager
    def _noted(self, what: str, words: str = "") -> Iterator[None]:
        """Keep why it failed, with *words* before it, until it succeeds."""
        try:
            yield
        except ArpanetError as problem:
            self.failed[what] = f"{words}{problem}"
            raise
        self.failed.pop(what, None)

    def _do(self, deed: Deed, found: Survey) -> None:
        if deed.kind == "wait":
            raise RegistryError(
                "etcd is full, of what is in use", "'arpanet etcdctl' shows what others keep there"
            )
        if deed.kind == "disarm":
            # all alarms of this kind, whichever member raised them
            for one in found.alarms:
                number = str(int(one, 16))
                body = {"action": "DEACTIVATE", "alarm": "NOSPACE", "memberID": number}
                self._gateway.call("maintenance/alarm", body)
            log.warning("etcd has space again: its alarm is off")
            return
        if deed.kind == "make room":
            self._forget()
        if deed.member:
            name, self._tried[deed.member.id] = deed.member.name, self._clock()
            log.info("defragmenting the store of %s", name)
            with self._noted(deed.member.id, f"the store of {name} is not defragmented: "):
                _defragment(deed.member.client_urls)

    def _forget(self) -> None:
        """Drop all history: who watches from before lists anew."""
        found = self._gateway.call("kv/range", {"key": "AA==", "count_only": True})
        body = {"revision": str(int(found["header"]["revision"])), "physical": True}
        with suppress(RegistryError):  # it is forgotten already
            self._gateway.call("kv/compaction", body, timeout=60)

    def _snapshot(self) -> None:
        key = beside(self._origin)
        try:
            before = last(self._gateway, self._origin)
            # by the clock on the wall, since it outlives every master: one that was put forward, or
            # back beyond the last, has one taken too soon; put back by less, as much too late
            if before and 0 <= time.time() - before[0] < self._schedule.every:
                return
            self._not_before = self._clock() + min(AGAIN, self._schedule.every)
            at = datetime.now(UTC)
            self._schedule.directory.mkdir(mode=0o700, exist_ok=True)
            file = self._schedule.directory / f"arpanet-{at:%Y%m%dT%H%M%SZ}.db"
            for left in self._schedule.directory.glob(".arpanet-*.part"):  # of one that was killed
                left.unlink(missing_ok=True)
            size = taking.take([self._own.client_url], self._origin, self._ca(), file)
            self._not_before = self._clock() + self._schedule.every
            for one in superfluous(self._schedule.directory, file.name, self._schedule.kept):
                one.unlink(missing_ok=True)
            log.info("%s has all that the masters hold, in %d bytes", file, size)
            said = {"at": at.timestamp(), "host": self._own.name}
            with suppress(RegistryError):  # a store that is full: there is a snapshot all the same
                self._gateway.put(key, json.dumps(said))
        except OSError as problem:
            raise ArpanetError(f"snapshots can't be kept: {problem}") from problem


def superfluous(directory: Path, newest: str, kept: int) -> list[Path]:
    """Return the snapshots that go where *kept* stay, the file *newest* among them.

    Names that are later than that one's come of a clock that has been put back since: they go
    first, lest they keep all that are taken until then from staying.
    """
    found = directory.glob("arpanet-*.db")
    return sorted(found, key=lambda one: (one.name <= newest, one.name))[:-kept]


def beside(origin: str) -> str:
    """Return the key of the note of the last snapshot."""
    return f"{origin.rpartition('/')[0]}/snapshot"


def last(gateway: Gateway, origin: str) -> tuple[float, str] | None:
    """Return when the last snapshot was taken (seconds since the epoch), and by which host.

    :raises RegistryError: it can't be asked for, or not by this host.
    """
    found = gateway.get(beside(origin))
    try:
        said = codec.parse(found.value) if found else {}
        return float(said["at"]), str(said["host"])
    except (ValueError, KeyError, TypeError):
        return None


def _defragment(urls: Sequence[str]) -> None:
    gateway = Gateway(urls[:1])
    try:
        gateway.call("maintenance/defragment", {}, timeout=DEFRAGMENTED, retry=False)
    finally:
        gateway.close()
