"""A master's part of changing the CA; see :mod:`arpanet_identity.rotation`."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from arpanet import ABSENT, ArpanetError, Vault
from arpanet_identity import rotation, tokens
from arpanet_identity.authority import fingerprint
from arpanet_identity.roster import Roster
from arpanet_identity.rotation import Next, Plan
from arpanet_identity.store import Store

__all__ = ["Turning"]

log = logging.getLogger(__name__)

#: Seconds that one master has to begin anew what reads its CAs once.
PATIENCE = 120


class Turning:
    """Does what is to be done, each time that it is asked to.

    :param host: this master's HOSTNAME.
    :param restart: begins anew what reads once whom to trust; raises ``ArpanetError`` when that
        can't be done now.
    """

    def __init__(self, vault: Vault, kept: Store, host: str, restart: Callable[[], object]) -> None:
        self._vault, self._kept, self._host, self._restart = vault, kept, host, restart

    def look(self, roster: Callable[[], Roster]) -> None:
        """Do this master's part, and let the next step begin if this one is over.

        :param roster: reads who is let in; not asked where no CA is to be changed.
        :raises ArpanetError: something is in the way; the next look tries again.
        """
        coming = rotation.read_next(self._vault)
        if coming is None:
            return
        plan, version = rotation.read(self._vault)
        if plan is None or plan.signer != coming.fingerprint:
            first = Plan("trust", coming.fingerprint, coming.prints())
            rotation.change(self._vault, first, version)
        elif plan.step:
            self._apply(plan, coming)
            if not rotation.waiting(plan, roster().hosts, rotation.begun(self._vault)):
                self._go_on(plan, version)
        else:
            rotation.forget(self._vault, coming)

    def _apply(self, plan: Plan, coming: Next) -> None:
        if plan.step != "trust" and self._signer() != plan.signer:
            secret = self._kept.secret()
            self._kept.sign_with(coming.certificate, coming.unlocked(secret), secret.hex())
            log.info("the next CA signs")
        if plan.step != "trust":  # the former CA, by which they know masters, signs no more
            tokens.keep_only(self._vault, plan.signer)
        trusted = coming.certificate if plan.step == "drop" else coming.trusted
        if tuple(sorted(map(fingerprint, self._kept.trusted()))) != plan.trusted:
            self._kept.trust(trusted)
        if rotation.begun(self._vault).get(self._host) != plan.trusted:
            with self._alone() as alone:
                if alone:
                    self._restart()
                    rotation.say_begun(self._vault, self._host, plan.trusted)

    def _signer(self) -> str:
        with suppress(ArpanetError):  # a replacement that was cut short
            if mine := self._kept.authority():
                return fingerprint(mine.certificate)
        return ""

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Yield whether no other master begins anything anew meanwhile."""
        mine = self._vault.write(rotation.LOCK, self._host, ABSENT, PATIENCE)
        found = self._vault.read(rotation.LOCK)
        # one that this master was killed with is its own still
        mine = mine or (found is not None and found.value == self._host)
        try:
            yield mine
        finally:
            if mine:
                self._vault.delete(rotation.LOCK)

    def _go_on(self, plan: Plan, version: int) -> None:
        after = plan.following()
        if rotation.change(self._vault, after, version):  # else another master was faster
            log.info("%s", rotation.said(after, []))
