"""What tests ask and tell agents of hosts."""

import socket

from arpanet_identity import authority, host, tokens


def place(agent):
    return f"{host.subject(agent.context, '').addresses[0]}:7002"


def listens(where):
    ip, port = where.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((ip, int(port))) == 0


def join(there, here, registry, role="slave"):
    """Let the host of the agent *here* in, and start the agent."""
    let_in(there, here, registry, role)
    here.start()
    return host.store(here.context)


def let_in(there, here, registry, role="slave"):
    """Let the host of the agent *here* in."""
    ip = host.subject(here.context, "").addresses
    token = tokens.create(registry.vault, fingerprint(there), role, addresses=ip)
    host.join(here.context, place(there), str(token))


def fingerprint(master):
    return authority.fingerprint(host.store(master.context).authority().certificate)


def serial(kept):
    return kept.certificate().serial_number
