"""A discovery token where hosts know each other by certificates: where they find each other.

The first host to come takes the token, and begins a cluster, as it would with ``--peers boot``. Who
was let in by it finds in the token where the masters are, and joins them, as with ``--peers``. What
the token's etcd says is believed for addresses alone: whoever is dialled has to show a certificate
of the CA that this host trusts already.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from arpanet import Context, Formation, RegistryError, UsageError, identity
from arpanet_etcd.client import wire
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.wire import Unanswered
from arpanet_etcd.masters import container, discovery, mark, plan
from arpanet_etcd.masters.discovery import Token
from arpanet_etcd.masters.plan import Own

__all__ = ["announce", "meet", "resolve"]


def meet(context: Context, formation: Formation) -> Formation | None:
    """See :func:`arpanet.hookspecs.arpanet_master_meet`.

    :returns: ``None`` without certificates, and where this host's data decides.
    """
    this = container.own(context)
    if not this.tls:
        return None
    token = discovery.parse(formation.token)
    container.preflight(context)
    if container.data(context):
        return None
    me = identity.of(context.settings)
    let_in = me is not None and me.here
    found = resolve(token, this, let_in, partial(mark.refuse_anew, context.settings))
    if found.boot:
        context.say("this host has taken the token, and begins its cluster")
    else:
        context.say(f"by the token, the masters are at {', '.join(found.peers)}")
    return Formation(found.boot, found.peers, formation.token)


def resolve(token: Token, own: Own, let_in: bool, may_begin: Callable[[], None]) -> Formation:
    """Take the token for this host where nobody has, and return what it comes down to.

    :param let_in: this host has a certificate.
    :param may_begin: raises where it must not be the first of a cluster.
    :raises RegistryError: the token can't be used here; see
        :func:`arpanet_etcd.masters.plan.meet`.
    :raises RegistryUnreachable: its etcd does not answer.
    """
    if token.endpoint.startswith("https:"):
        raise UsageError(
            f"{token.endpoint} would ask for a certificate, which a host gets only when it is let"
            " in",
            "with certificates, keep tokens on an etcd that is asked by http",
        )
    gateway = discovery.place(token.endpoint)
    if discovery.size(gateway, token) is None:
        raise RegistryError(
            "etcd's own v2 discovery knows no certificates",
            "with ARPANET_TLS=on, --token takes one that 'arpanet master token' made",
        )
    listed = discovery.listed(gateway, token)
    if not listed:
        may_begin()
        if let_in:  # by a bundle, say: of a cluster all the same
            raise RegistryError(
                "this host is let in by a cluster already, and nobody of it has taken this token",
                "join it with --peers <a master>:7001; to begin one of its own, a host must have no"
                " certificate",
            )
        listed = _take(gateway, token, own)
    began = own.name in listed and gateway.get(token.begun + own.name) is not None
    return plan.meet(token.id, listed, own, let_in, began)


def _take(gateway: Gateway, token: Token, own: Own) -> dict[str, str]:
    """Leave this host's address where there is none; return what is there then."""
    put = wire.put_op(token.members + own.name, own.peer_url)
    with suppress(Unanswered):  # whose it is shows in the list
        gateway.txn([wire.none_below(token.members)], [put])
    return discovery.listed(gateway, token)


def announce(token: Token, own: Own) -> None:
    """Leave the address of this host, which has joined; that it can't is no reason to fail now."""
    key = token.members + own.name
    with suppress(RegistryError):
        put = wire.put_op(key, own.peer_url)
        discovery.place(token.endpoint).txn([wire.absent(key)], [put])
