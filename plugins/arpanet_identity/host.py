"""This host: being let in, and knowing who it is."""

from pathlib import Path
from typing import Any

from arpanet import (
    ARPANET_IDENTITY,
    ARPANET_IP,
    ARPANET_MASTERS,
    ARPANET_TLS,
    HOSTNAME,
    ArpanetError,
    Context,
    SettingsError,
    Vault,
    hostport,
    kinds,
)
from arpanet_identity import authority, client, tokens
from arpanet_identity.authority import MASTER, Subject
from arpanet_identity.enrolment import Enrolment, Json
from arpanet_identity.roster import Roster
from arpanet_identity.settings import ARPANET_CERT_DAYS, ARPANET_ENROL_PORT
from arpanet_identity.store import Store

__all__ = [
    "adopt",
    "enrolment",
    "join",
    "needed",
    "place",
    "refuse_second",
    "role",
    "store",
    "subject",
    "vault",
]

LATE = "ARPANET_TLS is off: hosts need no certificate"


def store(context: Context) -> Store:
    """Return where this host keeps who it is.

    :raises SettingsError: without TLS it is nobody.
    """
    if not context.settings[ARPANET_TLS]:
        raise SettingsError(LATE, "set ARPANET_TLS=on first")
    return Store(context.settings[ARPANET_IDENTITY])


def needed(context: Context) -> bool:
    """Return whether this host needs a certificate: its registry may know hosts by other means."""
    if not context.settings[ARPANET_TLS]:
        return False
    found = _vault(context)
    if found:
        found.close()
    return found is not None


def subject(context: Context, as_role: str) -> Subject:
    """Return this host as its settings have it."""
    return Subject(context.settings[HOSTNAME], as_role, (context.settings[ARPANET_IP],))


def place(context: Context) -> str:
    """Return where this host, a master, lets others in."""
    return hostport.joined(context.settings[ARPANET_IP], context.settings[ARPANET_ENROL_PORT])


def role(kept: Store) -> str:
    """Return what this host was let in as; ``""``: it was not."""
    found = kept.certificate()
    if found is None:
        return ""
    return "master" if MASTER in authority.names(found) else "slave"


def check(context: Context, kept: Store) -> None:
    """See to it that this host can be who its certificate says.

    :raises SettingsError: the certificate can't be used, or is for another name or address.
    """
    kept.me.check()
    found = kept.certificate()
    me = subject(context, "")
    if found is None or me.host not in (names := authority.names(found)):
        known = names[0] if found and names else "nobody"
        raise SettingsError(
            f"this host was let in as {known}, and HOSTNAME is {me.host}",
            "set it back; or have that host revoked, remove all files in"
            f" {kept.me.host}, and join again",
        )
    for one in me.addresses:
        if one not in authority.addresses(found):
            raise SettingsError(
                f"this host's certificate does not name its address: ARPANET_IP is {one}",
                f"set it back; or on a master: 'arpanet certs revoke {me.host}', 'arpanet token"
                f" create'; here: remove all files in {kept.me.host}, and join again",
            )


def vault(context: Context) -> Vault:
    """Return where the cluster keeps who is let in: a connection of its own, to be closed.

    :raises ArpanetError: its registry has no such place.
    """
    found = _vault(context)
    if found is None:
        raise ArpanetError(
            "the registry keeps no roster of hosts", "use etcd://, or ARPANET_TLS=off"
        )
    return found


def _vault(context: Context) -> Vault | None:
    found: Vault | None = context.bus.first("arpanet_vault", context=context)
    return found


def enrolment(context: Context, kept: Store, where: Vault) -> Enrolment:
    """Return what lets hosts in on this master."""

    def admit(known: Roster) -> None:
        admissions = known.admissions(kept.secret())
        context.bus.collect("arpanet_hosts_admitted", context=context, admissions=admissions)

    return Enrolment(kept, where, admit, days(context))


def days(context: Context) -> float:
    """Return how many days a certificate holds."""
    found: float = context.settings[ARPANET_CERT_DAYS]
    return found


def join(context: Context, place: str, text: str) -> str:
    """Be let in by a master at *place*, unless this host is already; return as what.

    :param text: a token.
    :raises ArpanetError: this host is not let in, and nothing was changed but that it has a key.
    """
    kept, token = store(context), tokens.parse(text)
    if kept.me.here and any(token.of(authority.fingerprint(one)) for one in kept.trusted()):
        return role(kept)  # an answer that was kept need not be asked for again
    _refuse_anew(kept)
    me = subject(context, "")
    request = authority.request(kept.key())
    with context.progress(f"asking {place} to let this host in"):
        answer = client.join(place, token, me.host, me.addresses, request)
    return adopt(kept, answer)


def adopt(kept: Store, answer: Json, renewed: bool = False) -> str:
    """Keep what a master answered; return what this host is now.

    :param renewed: it was let in before. Whom a master trusts is then its own agent's business,
        which begins etcd anew for it: another master may not be as far yet.
    :raises ArpanetError: it is not all of an answer, and is not kept; or it can't be written.
    """
    try:
        certificate, ca = str(answer["certificate"]), str(answer["ca"])
        crl, password = str(answer["crl"]), str(answer["password"])
        mine: dict[str, Any] = answer.get("authority") or {}
        authority.check(certificate, ca, authority.read_key(kept.key()))
        if mine:
            kept.sign_with(mine["certificate"], mine["key"], mine["secret"])
        kept.adopt(certificate, "" if renewed and kept.signs else ca, crl, password)
    except (KeyError, TypeError) as problem:
        raise ArpanetError(f"the answer lacks {problem}") from problem
    kept.me.check()
    return str(answer.get("role", ""))


def bundle(kept: Store, answer: Json, key: str) -> None:
    """Be who a bundle says, which another master made.

    :raises ArpanetError: it is none, or this host is somebody already.
    """
    _refuse_anew(kept)
    authority.read_key(key)
    kept.take_key(key)
    adopt(kept, answer)


def refuse_second(context: Context) -> None:
    """Refuse to make a CA beside a master that lets hosts in, whether its etcd runs now or not.

    :raises ArpanetError: names it.
    """
    port = context.settings[ARPANET_ENROL_PORT]
    named = {hostport.split(one)[0] for one in context.settings[ARPANET_MASTERS]}
    for address in sorted(named - {context.settings[ARPANET_IP]}):
        if client.lets_in(address, port):
            place = hostport.joined(address, port)
            raise ArpanetError(
                f"ARPANET_MASTERS names {address}, where a master lets hosts in at {place}",
                "there: 'arpanet token create --role master' prints the line to run here; if it"
                " is another arpanet's, leave it out of ARPANET_MASTERS",
            )


def _refuse_anew(kept: Store) -> None:
    if kept.me.here:
        raise ArpanetError(
            f"this host is let in already, as a {role(kept)}",
            f"to be let in anew: remove all files in {kept.me.host}, and run this again",
        )


def addresses(text: str) -> tuple[str, ...]:
    """Return the addresses of a comma-delimited list.

    :raises ValueError: one is none.
    """
    return tuple(map(kinds.address, kinds.names(text)))


def read_secret(text: str, stdin: Any) -> str:
    """Return *text*, or the first line of standard input for ``-``: others see command lines."""
    return str(stdin.readline()).strip() if text == "-" else text


def read_file(name: str, stdin: Any) -> str:
    """Return what is in the file *name*, or standard input for ``-``.

    :raises ArpanetError: it can't be read.
    """
    try:
        return str(stdin.read()) if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        why = getattr(problem, "strerror", None) or problem
        raise ArpanetError(f"{name} can't be read: {why}") from problem
