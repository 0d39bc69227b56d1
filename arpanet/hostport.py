"""A host and a port in one text, as people, Docker, etcd and registrator write them; pure.

``10.0.0.1:4001``, ``name:4001``, ``[fd00::1]:4001``; an IPv6 address without brackets has no port.
"""

import re

__all__ = ["joined", "split"]

_FORM = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?")


def split(text: str) -> tuple[str, int | None]:
    """Return the host, without brackets, and the port; ``None``: none is given.

    :raises ValueError: it is neither ``host`` nor ``host:port``.
    """
    found = _FORM.fullmatch(text)
    port = int(found[3]) if found and found[3] else None
    if not found or (port is not None and not 0 < port < 65536):
        raise ValueError(f"'{text[:60]}' is no host or host:port")
    return found[1] or found[2], port


def joined(host: str, port: int) -> str:
    """Return ``host:port``, an IPv6 address in brackets (as Go's ``JoinHostPort``)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
