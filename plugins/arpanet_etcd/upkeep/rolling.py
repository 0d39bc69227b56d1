"""Another etcd for all masters, one after the other, by one command.

Each master's agent does it for its own, as the command asks; nothing is asked of the next before
the one before is well. So whatever ends the command ends the upgrade between two masters, and the
same command goes on.
"""

import secrets
import time
from collections.abc import Callable, Sequence

from arpanet import ArpanetError, Context, Progress, RegistryError, identity
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters import flags, image
from arpanet_etcd.masters.image import Image
from arpanet_etcd.masters.status import Survey
from arpanet_etcd.settings import endpoints
from arpanet_etcd.upkeep import turns, upgrading
from arpanet_etcd.upkeep.wishes import EXCHANGE, FETCH, Wish, Wishes

__all__ = ["Asking", "roll"]

#: Seconds for an agent to take what it is asked, and to have done it: a pull, the wait for the
#: masters' lock, and two etcds that may not become well.
TAKEN, DONE = 20.0, 900.0
_EVERY = 0.3


def roll(context: Context) -> None:
    """Have all masters run the etcd that this host's settings ask for.

    Without certificates there are no agents on masters: then this host's alone, and the next named.

    :raises ArpanetError: one is not well or lacks the image: nothing was changed. Or the new etcd
        was not well on one, whose etcd of before runs again, and those after it are as before.
    """
    if identity.of(context.settings) is None:
        new = image.wanted(context)
        _report(context, upgrading.upgrade(context, new), new)
        return
    gateway = Gateway(endpoints(context.settings))
    try:
        cluster, members = gateway.membership()
    finally:
        gateway.close()
    places = [url for one in members for url in one.client_urls]
    new = image.wanted(context)
    found = upgrading.well(context, places, upgrading.REFUSED)
    if reason := turns.hindrance(found, new.version):
        raise ArpanetError(f"{reason}: nothing was changed", "let ETCD_IMAGE name another")
    _all(Asking(Wishes(context.vault), cluster, new, context.progress), turns.order(found), context)


def _all(asking: "Asking", names: Sequence[str], context: Context) -> None:
    asked = {name: asking.ask(name, FETCH) for name in names}
    others = {name: asking.answer(name, wish) for name, wish in asked.items()}
    version, total = asking.version, len(names)
    for count, name in enumerate(names, 1):
        asking.answer(name, asking.ask(name, EXCHANGE))
        context.say(f"{name} runs etcd {version} ({count} of {total})")
    for name, says in sorted(others.items()):
        if says:
            context.say(f"ETCD_IMAGE is {says} on {name}: let it name {asking.image} there, too")


def _report(context: Context, found: Survey, new: Image) -> None:
    context.say(f"this master runs etcd {flags.dotted(new.version)}")
    if names := turns.left(found, new.version):
        context.say(f"next: run 'arpanet master upgrade' on {names[0]}")
        if names[1:]:
            context.say(f"after it, on {', '.join(names[1:])}")
    else:
        context.say("no master runs an older one")


class Asking:
    """Asks masters' agents, and waits for their answers.

    :param cluster: etcd's number of the cluster.
    """

    def __init__(
        self,
        wishes: Wishes,
        cluster: str,
        new: Image,
        progress: Progress,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._wishes, self._cluster, self._progress = wishes, cluster, progress
        self._clock, self._sleep = clock, sleep
        self.image, self.version = new.tag, flags.dotted(new.version)

    def ask(self, host: str, step: str) -> Wish:
        """Ask *host*, once what it was asked before is done.

        :raises ArpanetError: that takes too long.
        """
        before = self._wishes.of(host)
        if before and before.state == "taken" and before.cluster == self._cluster:
            with self._progress(f"{host} does what it was asked before"):
                self._wait(host, before, DONE)
        wish = Wish(secrets.token_hex(8), self._cluster, step, self.image, self.version)
        self._wishes.ask(host, wish)
        return wish

    def answer(self, host: str, wish: Wish) -> str:
        """Return what *host* says once it has done it.

        :raises ArpanetError: it could not, which its words say; or does not answer.
        """
        what = "has the image" if wish.step == FETCH else f"runs etcd {wish.version}"
        with self._progress(f"waiting until {host} {what}"):
            said = self._wait(host, wish, TAKEN, "asked")
            if said is None or (said.state == "asked" and self._wishes.withdraw(host, wish)):
                raise ArpanetError(
                    f"the agent of {host}'s master does not take what it is asked:"
                    " this master and those after it are as they were",
                    "see 'arpanet status' there;"
                    " 'arpanet master start --peers boot' there begins another",
                )
            said = self._wait(host, said, DONE)
        if said is None or said.open:
            raise ArpanetError(
                f"{host} has not done it in {DONE / 60:.0f} minutes",
                "'docker logs arpanet_master' there says more; the same command goes on",
            )
        if said.state == "failed":
            raise ArpanetError(f"{host}: {said.words}", said.hint)
        return said.words

    def _wait(self, host: str, wish: Wish, seconds: float, *states: str) -> Wish | None:
        """Return how it is once that is no more in *states* (without: is over), or time is over.

        :returns: ``None``: it is asked no more.
        """
        states = states or ("asked", "taken")
        deadline, said = self._clock() + seconds, wish
        while said.state in states and self._clock() < deadline:
            self._sleep(_EVERY)
            try:
                now = self._wishes.of(host)
            except RegistryError:
                continue  # it is a master that is exchanged
            if now is None or now.number != wish.number:
                return None
            said = now
        return said
