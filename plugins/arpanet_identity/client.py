"""Asking a master to be let in, or for a new certificate.

Who the master is, is proved before anything secret is said: by the fingerprint of the CA that the
token carries, and then by TLS with that CA, which must name a master.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

import urllib3
from cryptography import x509
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError

from arpanet import ArpanetError, Identity, RegistryUnreachable, UsageError, codec, hostport
from arpanet_identity import authority
from arpanet_identity.enrolment import Json
from arpanet_identity.tokens import Token

__all__ = ["GLANCE", "PATIENCE", "PORT", "join", "lets_in", "renew"]

PORT = 7002
#: Seconds for a step; a master may have to make users in etcd before it answers.
PATIENCE = 20.0
#: The same where it is only looked whether there is one, or where there is another one to ask.
GLANCE = 2.0
#: What a host is told that trusts the CA of before.
CHANGED = (
    "if the cluster's CA was changed while this host was away: remove its host.pem, and join again"
    " with a new token"
)
#: Seconds that clocks may differ.
SKEW = 240.0


class _Unproved(HTTPSConnection):
    """A connection to whoever answers: for what is checked by itself when it has come."""

    def connect(self) -> None:
        super().connect()
        self.is_verified = True  # else urllib3 warns


def join(place: str, token: Token, host: str, addresses: tuple[str, ...], request: str) -> Json:
    """Return what a master at *place* answers to who has *token*.

    :param place: ``address`` or ``address:port``.
    :param request: see :func:`arpanet_identity.authority.request`.
    :raises UsageError: *place* is none.
    :raises RegistryUnreachable: nobody answers there.
    :raises ArpanetError: it is not a master of the token's cluster, or says no.
    """
    where = _place(place)
    ca, clock = _authority(where, token)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=ca)
    body = {
        "id": token.id,
        "secret": token.secret,
        "host": host,
        "addresses": list(addresses),
        "request": request,
    }
    return _ask(where, "POST", "/v1/join", context, body, clock)


def renew(
    place: str, me: Identity, trusted: tuple[str, ...] = (), patience: float = PATIENCE
) -> Json:
    """Return what a master at *place* answers to this host, which has a certificate already.

    :param trusted: fingerprints of the CAs that it trusts, sorted.
    :param patience: seconds until it is reached; to answer, it has as long as ever.
    :raises RegistryUnreachable: nobody answers there.
    :raises ArpanetError: who does, is no master of this cluster, or says no.
    """
    body = {"trusted": list(trusted)}
    timeout = urllib3.Timeout(connect=patience, read=PATIENCE)
    return _ask(_place(place), "POST", "/v1/renew", me.client(), body, timeout=timeout)


def lets_in(address: str, port: int) -> bool:
    """Return whether a master of whatever cluster lets hosts in there; its etcd may be down."""
    with suppress(ArpanetError):
        glance = urllib3.Timeout(connect=GLANCE, read=GLANCE)
        return "ca" in _request((address, port), "GET", "/v1/ca", _anybody(), None, glance)[0]
    return False


def _authority(where: tuple[str, int], token: Token) -> tuple[str, Callable[[], str]]:
    """Return the CA, proved by the token, and what tells whether the clocks differ."""
    answer, date = _request(where, "GET", "/v1/ca", _anybody(), None)
    name = hostport.joined(*where)
    try:
        found = x509.load_pem_x509_certificates(str(answer["ca"]).encode())
    except (KeyError, ValueError) as problem:
        raise _something_else(name) from problem
    for one in found:
        if token.of(authority.fingerprint(one)):
            return authority.pem(one), lambda: _clock(date)
    raise ArpanetError(
        f"the master at {name} is not of the cluster that made this token",
        "is the address right? If so, the cluster's CA was changed since, and a new token is"
        " needed; or somebody is between here and there",
    )


def _anybody() -> ssl.SSLContext:
    """Return what dials whoever is there: nothing secret is said, and what comes is checked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _ask(
    where: tuple[str, int],
    method: str,
    path: str,
    context: ssl.SSLContext,
    body: Json,
    clock: Callable[[], str] = lambda: "",
    timeout: urllib3.Timeout | None = None,
) -> Json:
    try:
        return _request(where, method, path, context, body, timeout)[0]
    except HTTPError as problem:
        said = clock() or f"its certificate is refused here: {_words(problem)}"
        raise ArpanetError(
            f"the master at {hostport.joined(*where)} can't be trusted: {said}", CHANGED
        ) from None


def _request(
    where: tuple[str, int],
    method: str,
    path: str,
    context: ssl.SSLContext,
    body: Json | None,
    timeout: urllib3.Timeout | None = None,
) -> tuple[Json, str]:
    name = hostport.joined(*where)
    pool = urllib3.HTTPSConnectionPool(
        *where,
        timeout=timeout or urllib3.Timeout(connect=PATIENCE, read=PATIENCE),
        retries=False,
        ssl_context=context,
        # whoever has a certificate of the cluster could answer; a master alone may
        server_hostname=authority.MASTER,
        assert_hostname=None if context.check_hostname else False,
    )
    if not context.check_hostname:
        pool.ConnectionCls = _Unproved
    try:
        answer = pool.request(method, path, json=body, redirect=False)
    except urllib3.exceptions.SSLError as problem:
        cause = problem.args[0]
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise
        if context.check_hostname:  # it is a master, and was shown a certificate
            _, alert, reason = str(getattr(cause, "reason", "")).partition("_ALERT_")
            why = reason.replace("_", " ").lower() if alert else "it hangs up"
            raise ArpanetError(
                f"the master at {name} refuses this host's certificate: {why}",
                "is this host's clock right? Else let it in again",
            ) from None
        raise _something_else(name) from None
    except (HTTPError, OSError) as problem:
        raise RegistryUnreachable(
            f"no master answers at {name}: {_words(problem)}",
            f"is its address right, and is port {where[1]} open?",
        ) from None
    finally:
        pool.close()
    return _understood(name, answer), answer.headers.get("Date", "")


def _understood(name: str, answer: urllib3.BaseHTTPResponse) -> Json:
    try:
        said: Any = codec.parse(answer.data)
        if answer.status == 200:
            return dict(said)
        words, hint = str(said["error"]), str(said.get("hint", ""))
    except (ValueError, KeyError, TypeError) as problem:
        raise _something_else(name) from problem
    raise ArpanetError(f"the master at {name} says: {words}", hint)


def _something_else(name: str) -> ArpanetError:
    return ArpanetError(
        f"what answers at {name} is no master's enrolment",
        f"that has a port of its own: its ARPANET_ENROL_PORT, {PORT} where nothing else is set",
    )


def _clock(date: str) -> str:
    """Return how wrong this host's clock is, by a master's; ``""``: it isn't, or nobody knows."""
    try:
        ahead = time() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return ""
    if abs(ahead) <= SKEW:
        return ""
    way = "ahead of" if ahead > 0 else "behind"
    return f"this host's clock is {abs(ahead) / 60:.0f} minutes {way} the master's: set it"


def _words(problem: Exception) -> str:
    """Return why there was no answer that counts, in a few words."""
    late = isinstance(problem, urllib3.exceptions.TimeoutError)
    if late and not isinstance(problem, NewConnectionError):  # which is a kind of it to urllib3
        return "timed out"
    inner = next((one for one in problem.args if isinstance(one, OSError)), None)
    cause = problem.__cause__ if isinstance(problem.__cause__, OSError) else inner or problem
    said = getattr(cause, "verify_message", "") or getattr(cause, "strerror", "") or str(cause)
    return str(said.lower() if said[1:].islower() else said)


def _place(place: str) -> tuple[str, int]:
    try:
        host, port = hostport.split(place)
    except ValueError:
        raise UsageError(
            f"{place!r} is no address of a master", f"for example 192.168.8.120:{PORT}"
        ) from None
    return host, port or PORT
