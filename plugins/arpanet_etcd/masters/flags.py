"""etcd's command line, which depends on how the cluster is formed and on etcd's version.

etcd ends at once on a flag that it doesn't know (its flags by version: ``etcd --help`` of each).
"""

import re
from collections.abc import Sequence

from arpanet import Member, RegistryError
from arpanet_etcd.masters.plan import Own

__all__ = [
    "CERTIFICATE",
    "DATA",
    "Version",
    "command",
    "discovery",
    "dotted",
    "existing",
    "initial",
    "kept",
    "learner_fault",
    "listens",
    "of_tag",
    "rights_fault",
    "tls",
    "upgrade",
    "version",
]

Version = tuple[int, int, int]

#: The flags that matter only until a member has data; a start by the data repeats them unchanged,
#: so that nothing about its container differs.
FORMATION = ("--initial-cluster", "--discovery")

#: Where a member finds this host's certificate in its container (see :mod:`arpanet.identity`).
CERTIFICATE = "/etc/arpanet/host"
#: What only masters' certificates name: a slave's own is no way to the peers.
MASTER = "master.arpanet"
#: TLS 1.2 takes these alone, and older versions none of them (etcd 3.4 can't be told a version).
CIPHERS = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
)

#: Where a member's data is inside its container; etcd itself makes the directory, private.
DATA = "/var/lib/etcd/data"


def version(text: str) -> Version:
    """Parse what ``etcd --version`` prints.

    :raises ValueError: that is no etcd.
    """
    found = re.search(r"etcd Version: (\d+)\.(\d+)\.(\d+)", text)
    if not found:
        raise ValueError(f"not an etcd: {text.strip()[:60]!r}")
    return int(found[1]), int(found[2]), int(found[3])


def command(
    own: Own,
    running: Version,
    formation: Sequence[str],
    v2: bool = False,
    data: str = DATA,
    certificate: str = CERTIFICATE,
) -> list[str]:
    """Return etcd's command line, each flag one ``--name=value`` word.

    :param formation: from :func:`initial`, :func:`existing` or :func:`kept`.
    :param v2: answer the v2 API too.
    :param certificate: where this host's certificate is, for a member that speaks TLS.
    :raises RegistryError: this etcd has no v2 API (removed in 3.6).
    """
    local = own.url("127.0.0.1", own.client_port)
    flags = {
        "--name": own.name,
        "--data-dir": data,
        "--listen-client-urls": own.client_url if own.loopback else f"{own.client_url},{local}",
        "--advertise-client-urls": own.client_url,
        "--listen-peer-urls": own.peer_url,
        "--initial-advertise-peer-urls": own.peer_url,
        # a registry lives on changes: without it, history fills the disk
        "--auto-compaction-mode": "periodic",
        "--auto-compaction-retention": "1h",
        "--logger": "zap",
    }
    if own.tls:
        flags |= tls(running, certificate)
    if v2:
        if running >= (3, 6, 0):
            raise RegistryError(
                f"etcd {dotted(running)} has no v2 API, which ARPANET_ETCD_API=v2 asks for",
                "use ARPANET_ETCD_API=v3, or an ETCD_IMAGE of etcd 3.5",
            )
        flags["--enable-v2"] = "true"
    return ["etcd", *(f"{name}={value}" for name, value in flags.items()), *formation]


def tls(running: Version, directory: str) -> dict[str, str]:
    """Return the flags of a member that answers nobody without a certificate of the cluster.

    Files that are replaced are used from the next connection on, but for the CA's, which etcd reads
    once. The list of revoked certificates must be there.
    """
    # who may be a peer is told by its name: where it dials from is no proof, behind NAT no help
    skip = "--peer-skip" if running >= (3, 6, 0) else "--experimental-peer-skip"
    return {
        "--cert-file": f"{directory}/host.pem",
        "--key-file": f"{directory}/host.key",
        "--trusted-ca-file": f"{directory}/ca.pem",
        "--client-crl-file": f"{directory}/crl.der",
        "--client-cert-auth": "true",
        "--peer-cert-file": f"{directory}/host.pem",
        "--peer-key-file": f"{directory}/host.key",
        "--peer-trusted-ca-file": f"{directory}/ca.pem",
        "--peer-crl-file": f"{directory}/crl.der",
        "--peer-client-cert-auth": "true",
        "--peer-cert-allowed-hostname": MASTER,
        f"{skip}-client-san-verification": "true",
        "--cipher-suites": ",".join(CIPHERS),
        # passwords are random and long: nothing is won by making their comparison slow
        "--bcrypt-cost": "4",
    }


def initial(members: dict[str, str], token: str) -> list[str]:
    """Return the flags of a new cluster of *members* (name -> peer URL), the same on each.

    :param token: makes the cluster's number unlike that of any other with such members.
    """
    return [
        "--initial-cluster=" + ",".join(f"{name}={one}" for name, one in members.items()),
        "--initial-cluster-state=new",
        f"--initial-cluster-token={token}",
    ]


def existing(members: Sequence[Member], own: Own) -> list[str]:
    """Return the flags to start as a member that *members* know.

    etcd wants every member named, uniquely: one that never started has no name yet.
    """
    named: list[str] = []
    for member in members:
        mine = own.peer_url in member.peer_urls
        name = own.name if mine else member.name or f"pending-{member.id}"
        named += [f"{name}={one}" for one in member.peer_urls]
    return ["--initial-cluster=" + ",".join(named), "--initial-cluster-state=existing"]


def discovery(token_url: str, running: Version) -> list[str]:
    """Return the flags that let etcd itself ask a v2 discovery service.

    :raises RegistryError: this etcd doesn't know v2 discovery (removed in 3.7).
    """
    if running >= (3, 7, 0):
        raise RegistryError(
            f"etcd {dotted(running)} can't use the v2 discovery token {token_url}",
            "make a token with 'arpanet master token'",
        )
    # etcd's default is to become a proxy, silently, where the cluster is full
    return [f"--discovery={token_url}", "--discovery-fallback=exit"]


def kept(words: Sequence[str]) -> list[str]:
    """Return the formation flags of an earlier command line; without one, those of no new cluster.

    A member that has data ignores them. One whose data went unnoticed must not begin a new cluster.
    """
    found = [word for word in words if word.startswith(FORMATION)]
    return found or ["--initial-cluster-state=existing"]


def listens(words: Sequence[str]) -> frozenset[str]:
    """Return the URLs that an etcd with this command line listens on."""
    values = (word.partition("=")[2] for word in words if word.startswith("--listen-"))
    return frozenset(one for value in values for one in value.split(","))


def of_tag(tag: str) -> tuple[int, ...]:
    """Return the version that an image's tag names, to tell the newer of two: ``etcd:3.5.30``."""
    return tuple(map(int, re.findall(r"\d+", tag.rpartition(":")[2])))


def dotted(number: Version) -> str:
    """``3.6.14``."""
    return ".".join(map(str, number))


def upgrade(old: Version, new: Version) -> str:
    """Return why data last used by etcd *old* can't be handed to *new*; ``""`` when it can.

    etcd upgrades one minor version at a time, and never back.
    """
    if new[:2] < old[:2]:
        return f"etcd {dotted(new)} can't read the data of etcd {dotted(old)}"
    if new[0] != old[0] or new[1] - old[1] > 1:
        return f"etcd {dotted(old)} can't be upgraded to {dotted(new)} in one step"
    return ""


def rights_fault(running: Version) -> bool:
    """Return whether this etcd forgets to ask for some rights.

    Any user of it reads and writes all keys (GHSA-rfx7-8w68-q57q, GHSA-x35m-3gp4-4fh5), raises
    alarms and forgets history (GHSA-q8m4-xhhv-38mg).
    """
    mended = {(3, 4): 44, (3, 5): 30, (3, 6): 11}
    return running[2] < mended.get(running[:2], 0 if running >= (3, 7) else 1000)


def learner_fault(running: Version) -> bool:
    """Return whether a cluster grown on this etcd can't go to 3.6 directly (etcd-io/etcd#19557)."""
    return (3, 5, 0) <= running < (3, 5, 20)
