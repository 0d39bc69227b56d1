"""Connections to masters: over TLS with this host's certificate, as it is on disk at that moment.

The one place where clients of etcd dial from.
"""

import socket
import threading
from ssl import SSLCertVerificationError, SSLContext, SSLEOFError, SSLError
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection

from arpanet import ArpanetError, RegistryUnreachable, identity

__all__ = ["ENDS", "Connections", "once", "tls_fault"]

#: A master that lost its power says nothing: let the kernel ask after 5 s, and give up after 11.
KEEPALIVE = [
    *HTTPConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
]


#: What OpenSSL says of an answer that is no TLS.
PLAIN = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
CHANGED = (
    "if the cluster's CA was changed while this host was away, let it in again:"
    " remove its host.pem, and 'arpanet join'"
)
#: A plain port does so, and who takes this host for shut out.
ENDS = (
    "ends the connection; does it speak TLS, and is this host let in?"
    " 'arpanet certs' on a master lists who is"
)
CLOCK = "is the clock right, here and there?"


class Connections:
    """Thread-safe. Idle ones are kept, and those made with a former certificate let go of.

    :param timeout: seconds for each step of a request that says nothing else.
    """

    def __init__(self, timeout: float | None = None) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._context: SSLContext | None = None
        self._pool = self._make(None)

    def request(self, method: str, url: str, **options: Any) -> urllib3.BaseHTTPResponse:
        """See :meth:`urllib3.PoolManager.request`; nothing is sent twice, no redirect followed.

        :raises RegistryUnreachable: see :meth:`pool`.
        """
        return self.pool(url).request(method, url, redirect=False, **options)

    def pool(self, url: str) -> urllib3.PoolManager:
        """Return what dials *url* now; not for keeping.

        :raises RegistryUnreachable: it is ``https``, and this host has no certificate to show.
        """
        if not url.startswith("https:"):
            return self._pool
        me = identity.current()
        if me is None:
            raise RegistryUnreachable("the masters speak TLS, and ARPANET_TLS is off here")
        try:
            context = me.client()
        except ArpanetError as problem:
            raise RegistryUnreachable(problem.message, problem.hint) from problem
        with self._lock:
            if context is not self._context:
                self._context, self._pool = context, self._make(context)
            return self._pool

    def _make(self, context: SSLContext | None) -> urllib3.PoolManager:
        return urllib3.PoolManager(
            maxsize=8,
            retries=False,
            timeout=self._timeout,
            socket_options=KEEPALIVE,
            ssl_context=context,
        )

    def clear(self) -> None:
        """Let go of those that are idle."""
        self._pool.clear()


def once(method: str, url: str, **options: Any) -> urllib3.BaseHTTPResponse:
    """Do one request over a connection of its own."""
    connections = Connections()
    try:
        return connections.request(method, url, **options)
    finally:
        connections.clear()


def tls_fault(problem: BaseException | None) -> str:
    """Return what was wrong with TLS where *problem* came from, in a few words; ``""``: nothing."""
    while problem is not None and not isinstance(problem, SSLError):
        inner = next((one for one in problem.args if isinstance(one, BaseException)), None)
        problem = problem.__cause__ or inner or problem.__context__
    if problem is None:
        return ""
    if isinstance(problem, SSLCertVerificationError):
        said = problem.verify_message
        if "expired" in said or "not yet valid" in said:
            return f"its {said}; {CLOCK}"
        changed = f"; {CHANGED}" if "issuer" in said or "self-signed" in said else ""
        return f"its certificate is not one of this cluster's for that address: {said}{changed}"
    if isinstance(problem, SSLEOFError):
        return ENDS
    reason = problem.reason or str(problem)
    if any(one in reason for one in PLAIN):
        return "it does not speak TLS"
    if "ALERT" in reason:
        said = reason.rpartition("ALERT_")[2].replace("_", " ").lower()
        return f"it refuses this host's certificate: {said}"
    return f"it does not speak TLS as it should: {reason.replace('_', ' ').lower()}"
