"""Changing the cluster's CA while it is up: which step it is at, and who is waited for.

    trust   all trust the former CA and the next one; the former one signs
    sign    all have certificates of the next one; it signs
    drop    masters trust the next one alone; hosts follow by themselves

What is to be, stands in the vault, and each master does its part of it again and again, so whoever
dies in the middle holds it up, and whoever comes back goes on. A step is over when each host has
shown that it is: a host asks for a certificate with the one that it has, and says whom it trusts.

    authority/next          for masters: the next CA, its key locked with the cluster's secret
    authority/lock          for masters: who begins etcd and the like anew just now
    public/authority/plan   for all: the step, and whom to trust
    public/authority/begun/<master>   whom etcd and the like there trust since they last began
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from arpanet import ABSENT, ArpanetError, Vault, codec
from arpanet_identity import authority, roster
from arpanet_identity.authority import fingerprint
from arpanet_identity.roster import Entry
from arpanet_identity.store import Store

__all__ = [
    "LOCK",
    "Next",
    "Plan",
    "advice",
    "begin",
    "begun",
    "change",
    "check_signer",
    "forget",
    "progress",
    "read",
    "read_next",
    "said",
    "say_begun",
    "shown",
    "waiting",
    "wanted",
]

NEXT, LOCK = "authority/next", "authority/lock"
PLAN, BEGUN = "public/authority/plan", "public/authority/begun/"
#: What is done in each step, for people.
STEPS = {
    "trust": "step 1 of 3: all learn to trust the next one",
    "sign": "step 2 of 3: all get certificates of the next one",
    "drop": "step 3 of 3: masters stop trusting the former one",
}


@dataclass(frozen=True)
class Plan:
    """What all hosts may know.

    :ivar step: one of :data:`STEPS`; ``""``: it is done.
    :ivar signer: the fingerprint of the CA that signs at the end.
    :ivar trusted: fingerprints of those to trust at this step, sorted.
    :ivar without: hosts that are not waited for.
    """

    step: str
    signer: str
    trusted: tuple[str, ...]
    without: tuple[str, ...] = ()

    def following(self) -> "Plan":
        """Return the next step's."""
        after = {"trust": "sign", "sign": "drop"}.get(self.step, "")
        trusted = self.trusted if after == "sign" else (self.signer,)
        return Plan(after, self.signer, trusted, self.without if after else ())

    def leaving_out(self, hosts: tuple[str, ...]) -> "Plan":
        """Return it with *hosts* not waited for."""
        return replace(self, without=(*self.without, *hosts))

    def suits(self, has: tuple[str, ...]) -> bool:
        """Return whether who shows *has* (see :func:`shown`) is as this step wants it."""
        return has[1:] == self.trusted and (self.step == "trust" or has[0] == self.signer)


@dataclass(frozen=True)
class Next:
    """What masters need for it.

    :ivar key: PEM, locked with the cluster's secret: the registry's backups are no place for it.
    :ivar trusted: as PEM, all that are to be trusted until it is done.
    """

    certificate: str
    key: str
    trusted: str

    @property
    def fingerprint(self) -> str:
        """Return what it is known by."""
        return fingerprint(x509.load_pem_x509_certificate(self.certificate.encode()))

    def prints(self) -> tuple[str, ...]:
        """Return the fingerprints of all that are to be trusted, sorted."""
        found = x509.load_pem_x509_certificates(self.trusted.encode())
        return tuple(sorted(map(fingerprint, found)))

    def unlocked(self, secret: bytes) -> str:
        """Return its key as PEM.

        :raises ArpanetError: this master has another secret than the one that made it.
        """
        try:
            found = load_pem_private_key(self.key.encode(), secret.hex().encode())
        except (ValueError, TypeError) as problem:
            raise ArpanetError("the next CA's key was locked by another cluster's") from problem
        return authority.pem(authority.as_key(found))


def begin(vault: Vault, kept: Store) -> bool:
    """Have the CA changed; return whether it was not being done already.

    :raises ArpanetError: this host is no master, or nobody keeps what is to be done.
    """
    former, (plan, _) = read_next(vault), read(vault)
    if former and plan and plan.signer == former.fingerprint and not plan.step:
        forget(vault, former)  # that one is done: no master has looked since
    made = authority.create()
    locked = made.key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(kept.secret().hex().encode())
    )
    certificate = authority.pem(made.certificate)
    trusted = "".join(map(authority.pem, kept.trusted())) + certificate
    entry = Next(certificate, locked.decode(), trusted)
    return vault.write(NEXT, json.dumps(asdict(entry)), ABSENT)


def read_next(vault: Vault) -> Next | None:
    """Return what :func:`begin` wrote, ``None``: nothing is to be done."""
    found = vault.read(NEXT)
    return Next(**codec.parse(found.value)) if found else None


def forget(vault: Vault, former: Next) -> None:
    """Drop the key of a CA that all masters have now, and what was noted on the way to it."""
    found = vault.read(NEXT)
    if found is None or Next(**codec.parse(found.value)) != former:
        return  # another change was begun meanwhile
    for name in vault.list(BEGUN):
        vault.delete(name)
    vault.delete(NEXT, found.version)


def read(vault: Vault) -> tuple[Plan | None, int]:
    """Return the plan, ``None``: the CA was never changed; and its version in the vault."""
    found = vault.read(PLAN)
    if found is None:
        return None, ABSENT
    given = codec.parse(found.value)
    texts = {name: tuple(map(str, given[name])) for name in ("trusted", "without")}
    return Plan(str(given["step"]), str(given["signer"]), **texts), found.version


def change(vault: Vault, plan: Plan, version: int) -> bool:
    """Let *plan* be it; return whether the one of *version* still was."""
    return vault.write(PLAN, json.dumps(asdict(plan)), version)


def check_signer(vault: Vault, mine: x509.Certificate) -> None:
    """Refuse what the CA *mine* made if another one signs by now.

    To be asked once what was made is in the vault: it is either seen there by who begins the next
    step, or that step is seen here.

    :raises ArpanetError: this master has not taken the next CA yet.
    """
    plan, _ = read(vault)
    if plan and plan.step != "trust" and plan.signer != fingerprint(mine):
        raise ArpanetError(
            "this master has the cluster's former CA still, which lets nobody in any more",
            "its agent takes the next one within seconds ('arpanet status' here says whether it"
            " runs): try again",
        )


def begun(vault: Vault) -> dict[str, tuple[str, ...]]:
    """Return, of each master, whom etcd and the like trust since they last began there."""
    found = vault.list(BEGUN)
    return {name.removeprefix(BEGUN): tuple(one.value.split()) for name, one in found.items()}


def say_begun(vault: Vault, host: str, trusted: tuple[str, ...]) -> None:
    """Note that on *host* they trust *trusted*."""
    vault.write(f"{BEGUN}{host}", " ".join(trusted))


def shown(certificate: x509.Certificate | None, trusted: list[x509.Certificate]) -> tuple[str, ...]:
    """Return whose certificate that is, and whom its owner trusts: fingerprints, ours sorted."""
    issuer = certificate.issuer if certificate else None
    signer = next((fingerprint(one) for one in trusted if one.subject == issuer), "")
    return signer, *sorted(map(fingerprint, trusted))


def wanted(vault: Vault, kept: Store, host: str) -> bool:
    """Return whether this host has to ask for a certificate: for what it brings, or to show one."""
    plan, _ = read(vault)
    if plan is None:
        return False
    has = shown(kept.certificate(), kept.trusted())
    if kept.signs and has[1:] != plan.trusted:
        return False  # that comes with this master's own part, and no certificate before it
    if not plan.suits(has):
        return True
    entry, _ = roster.find(vault, host)
    return bool(plan.step) and entry is not None and entry.shown != has


def waiting(
    plan: Plan, hosts: Mapping[str, Entry], begun: Mapping[str, tuple[str, ...]]
) -> list[str]:
    """Return who holds up the step, sorted; nobody: it is over."""
    found = set()
    for name, one in hosts.items():
        master = one.role == "master"
        late = not plan.suits(one.shown) and name not in plan.without and plan.step != "drop"
        if late or (master and begun.get(name) != plan.trusted):
            found.add(name)
    return sorted(found)


def said(plan: Plan, waits: list[str]) -> str:
    """Return for people how far it is."""
    if not plan.step:
        return "the cluster's CA was changed"
    who = f"; waits for {', '.join(waits)}" if waits else ""
    return f"the cluster's CA is being changed, {STEPS[plan.step]}{who}"


def progress(vault: Vault) -> str:
    """Return how far it is and what a person can do, as any host may know; ``""``: it is not on."""
    plan, _ = read(vault)
    if plan is None or not plan.step:
        return ""
    hosts = roster.listed(vault)
    waits = waiting(plan, hosts, begun(vault))
    return ": ".join(filter(None, (said(plan, waits), advice(hosts, waits))))


def advice(hosts: Mapping[str, Entry], waits: Iterable[str]) -> str:
    """Return how a person ends the waiting for each; ``""``: nobody is waited for."""
    found = []
    for name in waits:
        one = hosts.get(name)
        if one and not one.shown:
            found.append(
                f"{name} never asked for another certificate: start it; or, if it is gone for good,"
                f" or nobody joined with its bundle, 'arpanet certs revoke {name}'"
            )
        elif one is None or one.role == "master":
            found.append(f"start the master {name}, or 'arpanet certs revoke {name}'")
        else:
            found.append(
                f"start {name}, or go on without it: 'arpanet certs rotate --without {name}'"
            )
    return "; ".join(found)
