"""Masters' agents keep what others find below ``/services/``; see the room above.

Each follows the store, and each could do all of it: the first of them by name does what is to be
done at once, the next when it still is a second later, and so on. So nobody has to be chosen, and
nothing has to run out, for the next to go on.
"""

import logging
import random
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from arpanet import RegistryError, statusfile
from arpanet_etcd.client import wire
from arpanet_etcd.client.backoff import Backoff
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.position import Position
from arpanet_etcd.client.watch import Watch
from arpanet_etcd.client.wire import EtcdError, Value
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.leaves import Leaf, Leaves

__all__ = ["PART", "TTL", "LeafKeeper"]

log = logging.getLogger(__name__)

#: Its status file's name.
PART = "leaves"
#: Seconds that leaves outlive the last of the masters' agents: whoever reads them goes on with the
#: last that is known, but not for ever.
TTL = 3600
#: Seconds between two looks at a lease, at most.
LOOK = 300.0
#: Seconds that a master leaves to each that comes before it.
TURN = 1.0
#: Seconds after which all is listed although no watch failed: what nobody foresaw heals, too.
RELIST = 1800.0
#: Keys in one transaction: each is compared, and read where that fails. etcd takes 128.
BATCH = 120


class LeafKeeper:
    """Follows and writes, on two threads, from :meth:`start` until :meth:`close`.

    :param own: this master's HOSTNAME.
    :ivar trouble: why the leaves may not be as they should be; ``""``: they are.
    """

    def __init__(self, gateway: Gateway, layout: Layout, own: str) -> None:
        self.trouble = ""
        #: why nothing new is known
        self._deaf = ""
        self._gateway, self._layout, self._own = gateway, layout, own
        #: when each lease is to be looked at again
        self._look_at: dict[int, float] = {}
        self._leaves, self._position = Leaves(layout, own), Position()
        self._lock = threading.Lock()
        self._wake, self._ended = threading.Event(), threading.Event()
        self._watch: Watch | None = None
        self._threads = [
            threading.Thread(target=run, name=f"leaves-{run.__name__.strip('_')}", daemon=True)
            for run in (self._follow, self._write)
        ]

    def start(self) -> None:
        """Begin."""
        for one in self._threads:
            one.start()

    def close(self) -> None:
        """Stop; the leaves stay."""
        with self._lock:
            self._ended.set()
            if self._watch:
                self._watch.close()
        self._wake.set()
        for one in self._threads:
            one.join(5)
        self._gateway.close()

    # -- following -------------------------------------------------------------------------------

    def _follow(self) -> None:
        backoff = Backoff()
        while not self._ended.is_set():
            try:
                self._read(backoff)
            except RegistryError as problem:
                self._deaf = str(problem)
            except Exception as problem:  # whatever it is, the next look may be better
                log.exception("following what is to be listed failed")
                self._deaf = f"{type(problem).__name__}: {problem}"
            self._wake.set()
            self._ended.wait(backoff.next())

    def _read(self, backoff: Backoff) -> None:
        """List, then watch: until that breaks, or for :data:`RELIST`."""
        begin, end = f"{self._layout.root}hosts/", f"{self._layout.root}services0"
        found = self._gateway.span(begin, end)
        leaves = Leaves(self._layout, self._own, self._leaves)
        leaves.begin(found.kvs, self._position.goes_on(found.position), found.revision)
        self._position = found.position
        until = time.monotonic() + RELIST * random.uniform(0.75, 1.25)  # noqa: S311 -- no secret
        watch = self._gateway.watch(begin, end, found.revision + 1)
        with self._lock:
            self._leaves, self._watch, self._deaf = leaves, watch, ""
            if self._ended.is_set():
                watch.close()
        self._wake.set()
        with watch:
            for revision, events in watch:
                backoff.reset()
                if events:
                    with self._lock:
                        leaves.take(((one.key, one.value) for one in events), revision)
                    self._wake.set()
                if time.monotonic() >= until:
                    return

    # -- writing ---------------------------------------------------------------------------------

    def _write(self) -> None:
        backoff = Backoff()
        pause = LOOK
        while not self._ended.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            try:
                left = self._put_right()
            except RegistryError as problem:
                self._say(str(problem))
                self._look_at, left = {}, True
            except Exception as problem:  # whatever it is, the next look may be better
                log.exception("writing what others find failed")
                self._say(f"{type(problem).__name__}: {problem}")
                left = True
            else:
                self._say(self._deaf)
            if not left:
                backoff.reset()
            pause = backoff.next() if left else LOOK

    def _put_right(self) -> bool:
        """Do what is to be done, when it is this master's turn; return whether some is left."""
        todo, turn = self._look()
        if turn is None or (turn and todo and self._ended.wait(turn * TURN)):
            return False
        if turn:
            todo, _ = self._look()
        self._keep_alive()
        for batch in _batches(todo):
            self._apply(batch)
        return bool(todo) and bool(self._look()[0])

    def _look(self) -> tuple[list[Leaf], int | None]:
        with self._lock:
            return self._leaves.todo(), self._leaves.turn

    def _keep_alive(self) -> None:
        with self._lock:
            leases = self._leaves.leases()
        now = time.monotonic()
        self._look_at = {one: at for one, at in self._look_at.items() if one in leases}
        for one in leases:
            if now >= self._look_at.get(one, 0.0):
                self._begin_anew(one)
                self._look_at[one] = now + LOOK

    def _begin_anew(self, lease: int) -> None:
        left = self._gateway.keepalive(lease)
        if left == TTL:
            return
        if left:  # somebody made it, for another time
            self._gateway.revoke(lease)
        with suppress(EtcdError):  # another master was faster
            self._gateway.grant(TTL, lease)

    def _apply(self, batch: Sequence[Leaf]) -> None:
        """Write *batch* if nothing of it was changed meanwhile; else learn what was."""
        result = self._gateway.txn(
            [wire.at_revision(one.key, one.revision) for one in batch],
            [
                wire.put_op(one.key, one.address, one.lease)
                if one.address
                else wire.delete_op(one.key)
                for one in batch
            ],
            [wire.range_op(one.key) for one in batch],
            retry=True,  # whoever changed a key meanwhile, what became of it is read
        )
        with self._lock:
            if result.succeeded:
                for one in batch:
                    now = Value(one.address, result.revision, one.lease, 0)
                    self._leaves.found(one.key, now if one.address else None, result.revision)
                return
            for one, values in zip(batch, result.reads, strict=True):
                self._leaves.found(one.key, values.get(one.key), result.revision)

    def _say(self, trouble: str) -> None:
        if trouble == self.trouble:
            return
        self.trouble = trouble
        if trouble:
            log.warning("what others find below /services/ is not kept: %s", trouble)
        statusfile.write(PART, {"trouble": trouble and f"/services/ is not kept: {trouble}"})


def _batches(todo: Sequence[Leaf]) -> list[Sequence[Leaf]]:
    """Return *todo* in portions: deletions apart, which go through where etcd is out of space."""
    parts = [one for one in todo if not one.address], [one for one in todo if one.address]
    return [part[n : n + BATCH] for part in parts for n in range(0, len(part), BATCH)]
