"""Being a member: start by the data, or join a living cluster. Interrupted anywhere, run it again.

Each round asks the cluster and decides anew (:func:`arpanet_etcd.masters.plan.join`), so that it
doesn't matter what an earlier run had done, or which of its requests had come through.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from arpanet import EngineError, Member, Progress, RegistryError, RegistryUnreachable
from arpanet_etcd.client.gateway import MEMBER_TIMEOUT, Gateway
from arpanet_etcd.client.wire import NOT_FOUND, PRECONDITION, EtcdError, Unanswered
from arpanet_etcd.masters import flags, health, peers, plan
from arpanet_etcd.masters.lock import Lock
from arpanet_etcd.masters.plan import Cluster, Own
from arpanet_etcd.masters.wal import Identity

__all__ = ["Joiner", "Machine"]

#: Seconds for a member of a living cluster to publish its client URLs.
PUBLISHED = 15.0
#: Seconds for the cluster to take a new member: it wants all voters connected for 5 s.
ADDED = 60.0
#: Seconds for a learner to catch up.
CAUGHT_UP = 120.0
ROUND = 0.5
#: What a joining etcd ends with while the others are still agreeing on the cluster's version.
UNDECIDED = "incompatible with current running cluster"


class Machine(Protocol):
    """What runs etcd on this host: a container, or in tests a process."""

    def data(self) -> Identity | None:
        """Return whose data is here, ``None``: there is none."""

    def command(self) -> list[str]:
        """Return the command line of the etcd that was started last; empty: unknown."""

    def start(self, formation: Sequence[str]) -> None:
        """Run etcd with these formation flags; nothing happens when it runs so already.

        :raises EngineError: it ended at once, and this was the last it said.
        """

    def wipe(self) -> None:
        """Stop etcd and delete its data."""

    def check(self) -> None:
        """Look whether it still runs.

        :raises EngineError: it ended, and this was the last it said.
        """


@dataclass
class Joiner:
    """Makes this host a member.

    :ivar key: the key of the join lock.
    :ivar progress: shows what is waited for.
    """

    own: Own
    machine: Machine
    key: str
    progress: Progress

    # -- by the data -----------------------------------------------------------------------------

    def resume(self, endpoints: Sequence[str], data: Identity | None) -> None:
        """Start the member that the data names, and let its cluster know where it is now.

        :param endpoints: where the cluster's other members may answer.
        :param data: what the machine said that it is.
        :raises RegistryUnreachable: it runs without a majority, and goes on when it has one.
        """
        gateway = Gateway([*self._earlier(), *endpoints])
        mine = _find(gateway, data)
        if mine and self.own.peer_url not in mine.peer_urls:
            # first tell the others, one host at a time: they could not find it otherwise
            with Lock(gateway, self.key, self.own.name, self.progress):
                self._move(gateway, mine)
                self._start_kept()
        else:
            self._start_kept()
        if not (mine and mine.learner):
            health.wait(self.own, self.machine.check, self.progress)
        self._settle(Gateway([self.own.client_url, *endpoints]), data)

    def _settle(self, gateway: Gateway, data: Identity | None) -> None:
        """Finish what could not be finished while this member was down."""
        mine = _find(gateway, data)
        if mine and self.own.peer_url not in mine.peer_urls:
            self._move(gateway, mine)
        if mine and mine.learner:
            with Lock(gateway, self.key, self.own.name, self.progress) as lock:
                self._catch_up(gateway, mine.id, lock)

    def _start_kept(self) -> None:
        self.machine.start(flags.kept(self.machine.command()))

    def _earlier(self) -> list[str]:
        flag = "--advertise-client-urls="
        return [w.removeprefix(flag) for w in self.machine.command() if w.startswith(flag)]

    def _move(self, gateway: Gateway, mine: Member) -> None:
        self.progress.say(
            f"moving this member from {', '.join(mine.peer_urls)} to {self.own.peer_url}"
        )
        body = {"ID": str(int(mine.id, 16)), "peerURLs": [self.own.peer_url]}
        gateway.call("cluster/member/update", body, timeout=MEMBER_TIMEOUT)

    # -- joining ---------------------------------------------------------------------------------

    def join(self, peer_urls: Sequence[str]) -> None:
        """Become a member of the cluster that *peer_urls* belong to.

        :raises RegistryUnreachable: none of them answers, or the cluster has no majority.
        :raises RegistryError: they are no etcd, or this host can't be a member there.
        """
        data = self.machine.data()
        try:
            cluster = peers.ask_any(peer_urls)
        except RegistryUnreachable:
            if data is None:
                raise
            # after a power cut of all masters there is nobody to ask, and nothing to ask for
            self.progress.say("no peer answers: starting by this host's own data")
            return self.resume([], data)
        if plan.join(cluster, self.own, data).kind == "start":
            return self.resume(cluster.client_urls(), data)
        with self.progress("waiting until a master says where it answers"):
            cluster = self._published(peer_urls, cluster)
        gateway = Gateway(cluster.client_urls())
        with Lock(gateway, self.key, self.own.name, self.progress) as lock:
            with self.progress("waiting until the other masters take this one"):
                member = self._add(gateway, cluster, lock)
            self._catch_up(gateway, member, lock)
        health.wait(self.own, self.machine.check, self.progress)
        return None

    def _published(self, peer_urls: Sequence[str], cluster: Cluster) -> Cluster:
        """Wait until a member says where it answers clients; it does after its first majority."""
        deadline = time.monotonic() + PUBLISHED
        while not cluster.client_urls():
            if time.monotonic() > deadline:
                raise RegistryUnreachable(
                    f"the cluster at {', '.join(peer_urls)} has never had a majority",
                    "start its other masters first",
                )
            time.sleep(ROUND)
            cluster = peers.ask_any(peer_urls)
        return cluster

    def _add(self, gateway: Gateway, cluster: Cluster, lock: Lock) -> str:
        """Add this host as a learner, and start it; return its id."""
        deadline = time.monotonic() + ADDED
        while True:
            lock.check()
            try:
                cluster = self._same(cluster, peers.agreed(gateway.endpoints))
                member = self._round(gateway, cluster)
            except EngineError as problem:
                if UNDECIDED not in problem.message or time.monotonic() > deadline:
                    raise
            except (Unanswered, EtcdError) as problem:
                if not self._worth_a_try(gateway, cluster, problem):
                    raise
                if time.monotonic() > deadline:
                    raise _refused(cluster, problem) from problem
            else:
                if member:
                    return member
            time.sleep(ROUND)

    @staticmethod
    def _same(before: Cluster, now: Cluster) -> Cluster:
        """A step that removes or wipes is never decided by what another cluster says."""
        if before.id != now.id:
            raise RegistryError(
                f"the peer belongs to cluster {before.id}, and its client URLs to {now.id}",
                "two clusters share these masters: stop one of them first",
            )
        return now

    def _round(self, gateway: Gateway, cluster: Cluster) -> str:
        """Do the next thing; return this member's id when it has been started."""
        step = plan.join(cluster, self.own, self.machine.data())
        if step.kind == "wipe":
            self.progress.say(
                f"member {step.id} was removed from the cluster: dropping its old data here"
            )
            self.machine.wipe()
        elif step.kind == "replace":
            self.progress.say(f"replacing member {step.id}, whose data is not here")
            gateway.member_remove(step.id)
        elif step.kind == "add":
            added = gateway.learner_add([self.own.peer_url])
            try:
                self.machine.start(flags.existing(gateway.member_list(), self.own))
            except EngineError:
                with suppress(RegistryError):
                    gateway.member_remove(added.id)
                raise
            return added.id
        else:
            self._start_kept()
            return step.id
        return ""

    def _worth_a_try(self, gateway: Gateway, cluster: Cluster, problem: RegistryError) -> bool:
        """Return whether the cluster may say yes to the same a little later."""
        if not isinstance(problem, EtcdError):
            return True
        if "too many learner" in problem.message:
            # another host's join was cut short: it may have caught up since
            for member in cluster.members:
                if member.learner:
                    with suppress(RegistryError):
                        gateway.member_promote(member.id)
        # a member added again within a second gets the number of the removed one: "not found"
        return problem.temporary or problem.code in (PRECONDITION, NOT_FOUND)

    def _catch_up(self, gateway: Gateway, member: str, lock: Lock) -> None:
        with self.progress("catching up with the other masters"):
            self._promote(gateway, member, lock)

    def _promote(self, gateway: Gateway, member: str, lock: Lock) -> None:
        """Wait until the learner has caught up, and let it vote."""
        deadline = time.monotonic() + CAUGHT_UP
        while True:
            lock.check()
            self.machine.check()
            try:
                return gateway.member_promote(member)
            except (Unanswered, EtcdError) as problem:
                with suppress(RegistryError):
                    if any(m.id == member and not m.learner for m in gateway.member_list()):
                        return None
                if not self._later(problem) or time.monotonic() > deadline:
                    raise RegistryError(
                        f"this master has not caught up: {problem.message}",
                        "run the same command again",
                    ) from problem
            time.sleep(0.2)

    @staticmethod
    def _later(problem: RegistryError) -> bool:
        if isinstance(problem, EtcdError):
            return problem.temporary or problem.code == PRECONDITION
        return True


def _find(gateway: Gateway, data: Identity | None) -> Member | None:
    """Return the member that *data* belongs to, when anybody can tell.

    :raises RegistryError: its cluster says that it is a member no more.
    """
    try:
        cluster = peers.agreed(gateway.endpoints)
    except RegistryError:
        return None
    if data is None or cluster.id != data.cluster:
        return None
    for member in cluster.members:
        if member.id == data.member:
            return member
    joined = next(iter(cluster.members)).peer_urls[0].partition("//")[2]
    raise RegistryError(
        "this host's member was removed from its cluster",
        f"to join again: arpanet master start --peers {joined}",
    )


def _refused(cluster: Cluster, problem: RegistryError) -> RegistryError:
    """Return the error for a cluster that takes no new member, naming who is down."""
    down = health.down(cluster.members)
    if not down:
        return RegistryError(f"the cluster takes no new master: {problem.message}", problem.hint)
    names = ", ".join(member.name or member.peer_urls[0] for member in down)
    return RegistryError(
        f"the cluster takes no new master while {names} does not answer",
        f"start it; if it is gone for good: arpanet master remove {down[0].name or down[0].id}",
    )
