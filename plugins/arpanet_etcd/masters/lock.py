"""One host joins at a time: a key that lives with a lease of the joiner.

etcd takes one learner at a time, and of two changes of membership that meet, one may be dropped
silently.
"""

import threading
import time
from contextlib import ExitStack, suppress
from types import TracebackType

from arpanet import Progress, RegistryError
from arpanet_etcd.client import wire
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.wire import EtcdError, Unanswered

__all__ = ["Lock"]

#: Seconds after which the lock of a joiner that was killed is free again.
TTL = 10
#: Seconds to wait for the others.
PATIENCE = 180.0


class Lock:
    """A context manager; what it protects asks :meth:`check` before each step.

    A thread of its own keeps it, so that a step may take longer than the lease: starting etcd does.

    :param holder: this host's name, for those who wait.
    :param progress: shows whom this one waits for.
    :raises RegistryError: on entering: others held it all the time.
    """

    def __init__(
        self,
        gateway: Gateway,
        key: str,
        holder: str,
        progress: Progress,
        patience: float = PATIENCE,
    ) -> None:
        self._gateway, self._key, self._holder = gateway, key, holder
        self._progress, self._patience = progress, patience
        self._lease = 0
        self._lost = False
        self._released = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="lock", daemon=True)

    def __enter__(self) -> "Lock":
        deadline = time.monotonic() + self._patience
        self._lease = self._gateway.grant(TTL)
        self._keeper.start()
        with ExitStack() as held:
            held.push(self)  # whatever fails from here on, nothing is kept alive
            holder = self._take()
            while holder is not None:
                with self._progress(f"waiting while {holder} changes the masters"):
                    holder = self._outlast(holder, deadline)
            held.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._released.set()
        self._keeper.join()
        with suppress(RegistryError):  # it ends by itself
            self._gateway.revoke(self._lease)

    def check(self) -> None:
        """Go on only while this host is the only one.

        :raises RegistryError: the lease ran out, and another host may hold the lock by now.
        """
        if self._lost:
            raise RegistryError(
                "this host could not keep the lock on the masters: they were silent for too long",
                "run the same command again: it goes on from here",
            )

    def _keep(self) -> None:
        until = time.monotonic() + TTL
        while not self._lost and not self._released.wait(TTL / 4):
            asked = time.monotonic()
            try:
                self._lost = not self._gateway.keepalive(self._lease)
                until = asked + TTL
            except RegistryError:
                self._lost = time.monotonic() > until

    def _outlast(self, holder: str, deadline: float) -> str | None:
        """Wait until it is free, and taken, or another's; return whose it is then."""
        while (now := self._take()) == holder:
            if time.monotonic() > deadline:
                raise RegistryError(
                    f"{holder} has been changing the masters for {self._patience:g} s",
                    "see what it waits for there, then try again here",
                )
            time.sleep(0.3)
        return now

    def _take(self) -> str | None:
        """Take it if it is free; return who holds it else."""
        self.check()
        put = wire.put_op(self._key, self._holder, self._lease)
        try:
            answer = self._gateway.txn([wire.absent(self._key)], [put], [wire.range_op(self._key)])
            if answer.succeeded:
                return None
            held = answer.reads[0].get(self._key)
        except (Unanswered, EtcdError):
            held = self._gateway.get(self._key)
        if held and held.lease == self._lease:
            return None
        return held.value if held else "another host"
