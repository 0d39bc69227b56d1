"""Which addresses a link may lead to; pure.

What comes out of the registry or DNS was written by others, is put into rules, and may be dialled
from the host's own namespace: an address that means "myself" or "my own network" there would open
what listens on the host, or a cloud's metadata service, to whoever can write it.
"""

import ipaddress

__all__ = ["dialable", "is_address", "unusable"]


def dialable(text: str) -> str:
    """Return the address in its shortest form, an IPv4 address that is mapped into IPv6 as IPv4.

    :raises ValueError: it is no IP address, or one that a link may not lead to; one sentence.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"'{text}' is no IP address") from None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if why := unusable(address):
        raise ValueError(f"'{text}' is {why}")
    return str(address)


def unusable(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Return what is wrong with dialling *address* from anywhere, ``""`` when nothing is."""
    if address.is_loopback:
        return "the loopback of whoever dials it: give an address"
    if address.is_link_local:
        return "a link-local address, which means another thing on each host"
    unroutable = address.version == 4 and (address.is_reserved or int(address) >> 24 == 0)
    if address.is_unspecified or address.is_multicast or unroutable:
        return "not an address that can be dialled"
    return ""


def is_address(host: str) -> bool:
    """Tell an address from a DNS name."""
    return ":" in host or host.replace(".", "").isdigit()
