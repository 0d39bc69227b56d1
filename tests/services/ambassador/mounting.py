"""File systems that are mounted nowhere: they go with the process that holds them."""

import ctypes
import os

_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432
_CREATE, _CLOEXEC, _READ_ONLY = 6, 1, 1
_libc = ctypes.CDLL(None, use_errno=True)


def unattached(kind: str, read_only: bool = False) -> int:
    """Return a descriptor of the root of a new file system *kind*."""
    context = _call(_FSOPEN, kind.encode(), _CLOEXEC)
    try:
        _call(_FSCONFIG, context, _CREATE, None, None, 0)
        return _call(_FSMOUNT, context, _CLOEXEC, _READ_ONLY if read_only else 0)
    finally:
        os.close(context)


def _call(*arguments: object) -> int:
    came: int = _libc.syscall(*arguments)
    if came < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return came
