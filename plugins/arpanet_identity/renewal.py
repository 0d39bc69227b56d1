"""A certificate is renewed when two thirds of its life are over, wherever its host's agents run."""

import logging
import random
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from cryptography import x509

from arpanet import (
    ARPANET_MASTERS,
    ArpanetError,
    Context,
    RegistryError,
    RegistryUnreachable,
    hostport,
)
from arpanet_identity import authority, client, host
from arpanet_identity.settings import ARPANET_ENROL_PORT
from arpanet_identity.store import Store

__all__ = ["Renewal", "due", "renew"]

log = logging.getLogger(__name__)

#: What to do where no master answers.
SILENT = "are the masters running, and is ARPANET_MASTERS right?"
#: Seconds between two looks at the certificate, at most.
LOOK = 60.0
#: And after one that was asked for; how many of these in a row are as they should be.
SOON, FEW = 2.0, 3


def due(certificate: x509.Certificate, now: datetime) -> bool:
    """Return whether two thirds of its life are over."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return now >= begin + (end - begin) * 2 / 3


def renew(context: Context, kept: Store) -> None:
    """Have this host's certificate made anew, for the same key, by the first master that does.

    One that is not reached at once may have lost its power: first, the others are asked.

    :raises ArpanetError: none does; the message says why each didn't.
    """
    port = context.settings[ARPANET_ENROL_PORT]
    masters = [hostport.split(one)[0] for one in context.settings[ARPANET_MASTERS]]
    asked = [hostport.joined(one, port) for one in masters]
    problems: dict[str, ArpanetError] = {}
    for patience in (client.GLANCE, client.PATIENCE):
        for place in asked:
            try:
                trusted = tuple(sorted(map(authority.fingerprint, kept.trusted())))
                answer = client.renew(place, kept.me, trusted, patience)
                host.adopt(kept, answer, renewed=True)
            except ArpanetError as problem:
                problems[place] = problem
            else:
                return
        asked = [one for one in asked if isinstance(problems[one], RegistryUnreachable)]
    raise _nobody(list(problems.values()))


def _nobody(problems: Sequence[ArpanetError]) -> ArpanetError:
    """Return one error for all that masters, or their silence, said."""
    answered = [one for one in problems if not isinstance(one, RegistryUnreachable)]
    said = "; ".join(one.message for one in problems) or "no master is known"
    if answered:
        return ArpanetError(said, next((one.hint for one in answered if one.hint), ""))
    return RegistryUnreachable(said, SILENT)


class Renewal:
    """Looks, on a thread of its own, until :meth:`close`.

    :param deed: renews.
    :param wanted: tells whether that is to be done before the time.
    """

    def __init__(
        self, kept: Store, deed: Callable[[], None], wanted: Callable[[], bool] = lambda: False
    ) -> None:
        self._kept, self._deed, self._wanted = kept, deed, wanted
        self._early = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="renewal", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._ended.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._ended.wait(self._pause()):
            try:
                found = self._kept.certificate()
                early = self._asked()
                if found and (early or due(found, datetime.now(UTC))):
                    self._deed()
                    log.info("this host's certificate was renewed")
                self._early = self._early + 1 if early else 0
            except ArpanetError as problem:
                log.warning("this host's certificate is not renewed: %s", problem)
            except Exception:  # a thread that ends renews nothing any more
                log.exception("renewing failed, and is tried again")

    def _asked(self) -> bool:
        try:
            return self._wanted()
        except RegistryError as problem:  # it may be time to renew all the same
            log.debug("whether another certificate is wanted is not known: %s", problem)
            return False

    def _pause(self) -> float:
        """Return how long not to look: a hundredth of the certificate's life, a minute at most.

        Ever longer while certificates that are asked for before their time are not what is wanted:
        a master may be of an earlier version, and a host has a limited number of certificates.
        """
        if self._early == 1:  # what was brought is to be shown
            return SOON
        life = LOOK * 100
        try:
            if found := self._kept.certificate():
                life = (found.not_valid_after_utc - found.not_valid_before_utc).total_seconds()
        except ArpanetError:
            pass
        usual = min(LOOK, life / 100) * random.uniform(0.5, 1.0)  # noqa: S311 -- no secret
        return min(usual * 2.0 ** min(max(self._early - FEW, 0), 6), life / 10)
