"""Identity as a plugin: who is let in, on the command line and in agents."""

import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from arpanet import (
    ARPANET_IP,
    ARPANET_TLS,
    HOSTNAME,
    ArpanetError,
    Context,
    Formation,
    RegistryError,
    Setting,
    SettingsError,
    Status,
    addresses,
    hookimpl,
)
from arpanet_identity.settings import SETTINGS

__all__ = ["IdentityPlugin"]

# what needs the cryptography library is imported where it is used: it takes a while to load

OPEN = "ARPANET_TLS is off: whoever reaches this cluster's ports may change it, and its links"
#: Before a certificate's end, for a person who has to do something.
SOON = timedelta(days=14)


class IdentityPlugin:
    """In the master's agent it lets hosts in; in the registrator's it renews its own host's."""

    agents = ("master", "registrator")

    def __init__(self) -> None:
        self._running: list[Any] = []

    @hookimpl
    def arpanet_settings(self) -> Sequence[Setting[Any]]:
        """Declare the port of enrolment, and how long certificates hold."""
        return SETTINGS

    @hookimpl
    def arpanet_host_join(self, context: Context, place: str, token: str) -> None:
        """Ask a master, unless a bundle had all that it would answer."""
        from arpanet_identity import host

        if token or not host.store(context).me.here:
            role = host.join(context, place, host.read_secret(token, sys.stdin))
        else:
            role = host.role(host.store(context))
        context.say(f"this host is let in as a {role}")

    @hookimpl
    def arpanet_install(self, context: Context, role: str) -> None:
        """Have the image ready that a master lets hosts in with."""
        from arpanet_identity import host, node

        if role == "master" and host.needed(context):
            node.provide(context)

    # -- starting --------------------------------------------------------------------------------

    @hookimpl(tryfirst=True)
    def arpanet_master_start(self, context: Context, formation: Formation) -> None:
        """See to it that this host may be a master before anything is changed."""
        if not self._wanted(context):
            return
        from arpanet_identity import enrolment, host

        kept = host.store(context)
        role = host.role(kept)
        if not role and formation.boot:
            addresses.check_local(context.settings[ARPANET_IP])
            host.refuse_second(context)
            enrolment.found(kept, host.subject(context, "master"), host.days(context))
            context.say(f"made the cluster's CA, and this host's certificate, in {kept.directory}")
        elif not role:
            raise _stranger("master")
        elif role != "master":
            raise SettingsError(
                "this host was let in as a slave, and masters take no peer that is one",
                f"on a master: 'arpanet certs revoke {context.settings[HOSTNAME]}', 'arpanet token"
                f" create --role master'; here: remove all files in {kept.me.host}, and join again",
            )
        addresses.check_local(context.settings[ARPANET_IP])
        host.check(context, kept)

    @hookimpl(specname="arpanet_master_start", trylast=True)
    def let_in(self, context: Context, formation: Formation) -> None:
        """Have etcd know who is let in, and be there for those who want to be."""
        from arpanet_identity import host, node

        if not host.needed(context):
            context.engine.remove_part("master")
            return
        kept = host.store(context)
        with closing(host.vault(context)) as vault:
            mine = host.enrolment(context, kept, vault)
            mine.settle()
            fresh = node.start(context, kept)
            if formation.boot and fresh:
                context.say(_invitation(context, mine.authority().certificate, vault))

    @hookimpl
    def arpanet_master_stop(self, context: Context) -> None:
        """Let nobody in here any more, and have nobody miss what did."""
        context.engine.remove_part("master")
        with suppress(ArpanetError):  # this may be the last master
            context.registry.forget(context.settings[HOSTNAME], "master")

    @hookimpl(tryfirst=True)
    def arpanet_slave_start(self, context: Context) -> None:
        """Refuse to start what could reach no master."""
        if not self._wanted(context):
            return
        from arpanet_identity import host

        kept = host.store(context)
        if not kept.me.here:
            raise _stranger("slave")
        addresses.check_local(context.settings[ARPANET_IP])
        host.check(context, kept)

    @staticmethod
    def _wanted(context: Context) -> bool:
        """Tell whether certificates are; where nobody is known by anything, say so."""
        from arpanet_identity import host

        if not context.settings[ARPANET_TLS]:
            context.say(OPEN)
        return host.needed(context)

    # -- agents ----------------------------------------------------------------------------------

    @hookimpl
    def arpanet_agent_start(self, context: Context) -> None:
        """Begin what goes on beside the agent's own work."""
        from arpanet_identity import host, rotation
        from arpanet_identity.renewal import Renewal, renew

        if not host.needed(context):
            return
        kept, vault = host.store(context), host.vault(context)
        asked = partial(rotation.wanted, vault, kept, context.settings[HOSTNAME])
        self._running.append(vault)
        self._running.append(Renewal(kept, lambda: renew(context, kept), asked))
        if context.agent == "master":
            from arpanet_identity.keeper import Keeper

            self._running.append(Keeper(context))

    @hookimpl
    def arpanet_agent_stop(self, context: Context) -> None:
        """End it."""
        while self._running:
            self._running.pop().close()

    # -- status ----------------------------------------------------------------------------------

    @hookimpl
    def arpanet_status(self, context: Context) -> Sequence[Status]:
        """Say who this host is, until when, and who lets hosts in."""
        if not context.settings[ARPANET_TLS]:
            return [Status("identity", "ok", OPEN)]
        from arpanet_identity import host, node

        if not host.needed(context):
            return []
        lines = [_identity(host.store(context))]
        with suppress(ArpanetError):  # that nobody can be asked is another's line
            lines += _change(context)
        if lines[0].state != "absent" and host.role(host.store(context)) == "master":
            lines.append(node.status(context))
        return lines


def _change(context: Context) -> list[Status]:
    from arpanet_identity import host, rotation

    with closing(host.vault(context)) as vault:
        said = rotation.progress(vault)
    return [Status("ca", "degraded", said)] if said else []


def _identity(kept: Any) -> Status:
    from arpanet_identity import host

    try:
        found = kept.certificate()
        if found is None:
            return Status("identity", "absent", str(_stranger("slave")))
        kept.me.check()
        authorities = kept.trusted()
    except ArpanetError as problem:
        return Status("identity", "down", str(problem))
    now, ends = datetime.now(UTC), found.not_valid_after_utc
    detail = f"a {host.role(kept)}'s certificate, until {ends:{_TIME}}"
    if now < found.not_valid_before_utc:
        return Status("identity", "down", f"{detail}, and not valid yet: is the clock right?")
    for one in authorities:
        if now >= one.not_valid_after_utc:
            said = f"the cluster's CA ended at {one.not_valid_after_utc:{_TIME}}"
            return Status("identity", "down", f"{said}: is the clock right?")
        if _ends_soon(one, now):
            said = f"the cluster's CA ends at {one.not_valid_after_utc:{_TIME}}"
            return Status("identity", "degraded", f"{said}: {_CHANGE}")
    if now >= ends:
        return Status("identity", "down", f"{detail}, which is over: is the clock right? {_AGAIN}")
    if _ends_soon(found, now):  # it renews itself long before
        return Status("identity", "degraded", f"{detail}, and it was not renewed: {_AGAIN}")
    return Status("identity", "ok", detail)


def _ends_soon(one: Any, now: datetime) -> bool:
    life = one.not_valid_after_utc - one.not_valid_before_utc
    return bool(one.not_valid_after_utc - now < min(SOON, life / 4))


_TIME = "%Y-%m-%d %H:%M UTC"
_AGAIN = "'arpanet certs renew' says why; else let this host in again"
_CHANGE = "run 'arpanet certs rotate' on a master before that"


def _stranger(role: str) -> SettingsError:
    return SettingsError(
        "this host is not let in yet",
        f"on a master: 'arpanet token create --role {role}' prints the line to run here;"
        " the first master is started with 'arpanet master start --peers boot'",
    )


def _invitation(context: Context, certificate: Any, vault: Any) -> str:
    """Return the line that lets the next host in."""
    from arpanet_identity import host, tokens
    from arpanet_identity.authority import fingerprint

    try:
        token = tokens.create(vault, fingerprint(certificate), "slave")
    except RegistryError as problem:
        return f"no token could be made: {problem}"
    return (
        "to let the next host in, once and within an hour, run there:\n"
        f"  arpanet join {host.place(context)} --token {token}\n"
        "it will be a slave; 'arpanet token create --role master' makes a token for a master"
    )
