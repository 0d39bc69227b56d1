"""Counts the keepalives of each lease of a cluster, run within a host: ``leases.py URL DIR NAME``.

etcd tells how many there were of all leases together, and of one lease only how long it has still
to live. That grows at a keepalive and at nothing else, and each lasts for some seconds.
"""

import base64
import json
import select
import ssl
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote

import urllib3

#: Seconds between two looks: a lease is not begun anew twice in that time.
EVERY = 0.5
ROOT = "/arpanet/"

Ask = Callable[[str, Mapping[str, object]], dict[str, object]]


def main() -> None:
    """Count until standard input ends, then print name -> keepalives as JSON."""
    ask = asking(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
    leases = found(ask)
    counts = dict.fromkeys(leases, 0)
    before = {name: left(ask, lease) for name, lease in leases.items()}
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], EVERY)[0]:
        for name, lease in leases.items():
            now = left(ask, lease)
            counts[name] += now > before[name]
            before[name] = now
    print(json.dumps(counts))


def asking(url: str, identity: Path, name: str) -> Ask:
    """Return what asks etcd's gateway as the host *name*, whose certificate is in *identity*."""
    tls = ssl.create_default_context(cafile=identity / "ca.pem")
    tls.load_cert_chain(identity / "host.pem", identity / "host.key")
    token = ""

    pool = urllib3.PoolManager(ssl_context=tls, timeout=10.0)

    def ask(path: str, body: Mapping[str, object]) -> dict[str, object]:
        head = {"Authorization": token} if token else {}
        answer = pool.request("POST", f"{url}/v3/{path}", json=body, headers=head)
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.data.decode()}")
        said: dict[str, object] = answer.json()
        return said

    password = (identity / "password").read_text().strip()
    token = str(ask("auth/authenticate", {"name": name, "password": password})["token"])
    return ask


def found(ask: Ask) -> dict[str, str]:
    """Return the leases: of a host's entries by its name, of an agent's sign of life by both."""
    first, end = (base64.b64encode(f"{ROOT}{one}".encode()).decode() for one in ("hosts/", "told0"))
    said = ask("kv/range", {"key": first, "range_end": end})
    leases: dict[str, str] = {}
    for one in said["kvs"]:  # type: ignore[attr-defined]
        kind, *rest = base64.b64decode(one["key"]).decode().removeprefix(ROOT).split("/")
        if kind in ("hosts", "told") and one.get("lease"):
            leases[" ".join(map(unquote, rest))] = one["lease"]
    return leases


def left(ask: Ask, lease: str) -> int:
    """Return the seconds that a lease has still to live."""
    return int(str(ask("lease/timetolive", {"ID": lease})["TTL"]))


if __name__ == "__main__":
    main()
