"""What a master's agent does: keeps who is let in, lets hosts in, and sees to certificates.

All of it on threads of its own: the agent's deciding thread waits for nobody.
"""

import logging
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from arpanet import ARPANET_IP, HOSTNAME, ArpanetError, Context, statusfile
from arpanet_identity import authority, host, rotation
from arpanet_identity.rotator import Turning
from arpanet_identity.server import Deeds, Server
from arpanet_identity.settings import ARPANET_ENROL_PORT, PART

__all__ = ["Keeper"]

log = logging.getLogger(__name__)

#: Seconds between two looks at who is let in: when one failed; else, what the vault tells is not
#: waited for any longer; and at least, however much it tells.
AGAIN, LOOK, LEAST = 4.0, 60.0, 0.5
#: How many CAs a host may say that it trusts, and how each is said.
MOST, FINGERPRINT = 8, re.compile("[0-9a-f]{64}")


class Keeper:
    """Runs from its start until :meth:`close`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = host.store(context)
        self._vault = host.vault(context)
        self._enrolment = host.enrolment(context, self._store, self._vault)
        restart = partial(context.bus.demand, "arpanet_trust_changed", context=context)
        name = context.settings[HOSTNAME]
        self._turning = Turning(self._vault, self._store, name, restart)
        self._server: Server | None = None
        self._ended, self._news = threading.Event(), threading.Event()
        self._hosts = 0
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self._thread.start()
        self._hearing = self._vault.follow(self._news.set)

    def close(self) -> None:
        """Stop."""
        self._ended.set()
        self._news.set()
        self._hearing.close()
        if self._server:
            self._server.close()
        self._thread.join(5)
        self._vault.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._news.clear()  # what is told from here on is looked at once more
            # its part of a change of the CA first: nobody gets a certificate of the former one then
            troubles = [self._try(one) for one in (self._turn, self._serve, self._keep)]
            state = {"hosts": self._hosts, "trouble": "; ".join(filter(None, troubles))}
            with suppress(OSError):
                statusfile.write(PART, state)
            self._ended.wait(LEAST)
            self._news.wait(AGAIN if any(troubles) else LOOK)

    @staticmethod
    def _try(deed: Callable[[], None]) -> str:
        try:
            deed()
        except ArpanetError as problem:
            log.warning("%s", problem)
            return str(problem)
        except Exception as problem:  # whatever it is, the next look may be better
            log.exception("the keeper failed, and goes on")
            return f"{type(problem).__name__}: {problem}"
        return ""

    def _serve(self) -> None:
        """Listen, unless that is done already."""
        if self._server:
            return
        ip, port = self._context.settings[ARPANET_IP], self._context.settings[ARPANET_ENROL_PORT]
        deeds = Deeds(self._ca, self._join, self._renew)
        try:
            self._server = Server((ip, port), self._store.me.server, deeds)
        except OSError as problem:
            why = problem.strerror
            raise ArpanetError(f"nobody can be let in at {ip}:{port}: {why}") from problem
        log.info("hosts are let in at %s:%d", ip, port)

    def _ca(self) -> str:
        return "".join(map(authority.pem, self._store.trusted()))

    def _join(self, given: Mapping[str, Any], source: str) -> dict[str, Any]:
        answer = self._enrolment.join(given, source)
        log.info("%s at %s was let in as a %s", given.get("host"), source, answer["role"])
        return answer

    def _renew(
        self, shown: x509.Certificate, key: ec.EllipticCurvePublicKey, given: Mapping[str, Any]
    ) -> dict[str, Any]:
        trusted = self._store.trusted()
        has = (rotation.shown(shown, trusted)[0], *_fingerprints(given.get("trusted", [])))
        return self._enrolment.renew(f"{shown.serial_number:x}", key, has)

    def _keep(self) -> None:
        """Have etcd, and this host's disk, know who is let in and who is shut out."""
        known = self._enrolment.settle()
        self._hosts = len(known.hosts)

    def _turn(self) -> None:
        """Do this master's part of changing the CA, which may be what the rest waits for."""
        self._turning.look(self._enrolment.roster)


def _fingerprints(given: Any) -> list[str]:
    """Return what a host says that it trusts.

    :raises ArpanetError: these are no fingerprints, or too many.
    """
    if (
        not isinstance(given, list)
        or len(given) > MOST
        or not all(isinstance(one, str) and FINGERPRINT.fullmatch(one) for one in given)
    ):
        raise ArpanetError("what this host trusts is no list of fingerprints")
    return given
