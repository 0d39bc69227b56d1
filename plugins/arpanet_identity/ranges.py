"""Networks that a person allows a host's instances to be in, beside the host's own addresses.

They stand among its addresses, where readers of the registry understand both, and are told from
them by their ``/``. A host dials from none of them, and no certificate names one.
"""

from argparse import ArgumentParser
from collections.abc import Iterable
from ipaddress import ip_network

from arpanet import UsageError

__all__ = ["add_option", "parse", "split"]

#: Where no instance of a host is that another host may dial: this host, the link, groups, reserved.
_NEVER = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"),
            *("::/8", "fe80::/10", "ff00::/8"),
        ),
    )
)


def add_option(parser: ArgumentParser, what: str) -> None:
    """Let a command take ``--range``, for :func:`parse`.

    :param what: what each of them is.
    """
    parser.add_argument(
        "--range",
        action="append",
        default=[],
        metavar="CIDR",
        help=f"{what}; may be given several times",
    )


def parse(given: Iterable[str]) -> tuple[str, ...]:
    """Return the networks of some ``--range``, each once.

    :raises UsageError: one is none, or has addresses that no host's instances have.
    """
    return tuple(dict.fromkeys(map(_parse, given)))


def _parse(text: str) -> str:
    try:
        found = ip_network(text if "/" in text else "")
    except ValueError:
        raise UsageError(
            f"--range {text}: must be a network", "for example 172.18.0.0/16, or 10.0.0.7/32"
        ) from None
    for one in _NEVER:
        if one.version == found.version and one.overlaps(found):
            raise UsageError(f"--range {text}: has addresses of {one}, where no instance may be")
    return str(found)


def split(addresses: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a host's own addresses, and the networks that its instances may be in."""
    found = tuple(addresses)
    return tuple(a for a in found if "/" not in a), tuple(a for a in found if "/" in a)
