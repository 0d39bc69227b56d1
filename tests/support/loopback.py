"""Loopback addresses that no other process of tests on this machine uses."""

import itertools
import os

__all__ = ["free_address"]

_numbers = itertools.count()


def free_address() -> str:
    """Return one of this process's own: what listens there can have any port.

    127.77.0.0/16 is arpanet's, and 127.0.0.0/16 everybody's.
    """
    third, process = divmod(os.getpid(), 1 << 15)
    second, last = 128 + process % 128, 1 + next(_numbers) % 254
    return f"127.{second}.{(process // 128 + third) % 256}.{last}"
