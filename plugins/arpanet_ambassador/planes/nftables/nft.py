"""Rules by libnftables, in the network namespace of the calling thread.

A context of the library for each transaction: 1.5 ms of a core, where a process took 5.6. One that
is kept takes no less, and 0.7 MB.

A transaction is in force within some milliseconds. To close the context's socket takes longer: the
kernel waits until what was replaced has been thrown away, and others go on meanwhile.
"""

import ctypes
import functools
import threading

from arpanet_ambassador.planes import netlink

__all__ = ["NftError", "run"]

#: As all versions since 0.8 are called.
LIBRARY = "libnftables.so.1"
#: The library keeps numbers of sets and of rule sets in globals, whatever the context.
_one_at_a_time = threading.Lock()


class NftError(Exception):
    """Nothing was done; the message is the library's own first line."""


def run(text: str) -> None:
    """Run *text* as one transaction.

    :raises NftError: nothing of it was done.
    :raises OSError: the kernel has no nftables.
    """
    library = _loaded()
    netlink.generation()  # without a socket, the library would end this process
    with _one_at_a_time:
        context = library.nft_ctx_new(0)
        library.nft_ctx_buffer_error(context)
        failed = library.nft_run_cmd_from_buffer(context, text.encode())
    try:
        if failed:
            said = library.nft_ctx_get_error_buffer(context).decode(errors="replace")
            raise NftError(said.partition("\n")[0] or "libnftables failed and said nothing")
    finally:
        library.nft_ctx_free(context)


@functools.cache
def _loaded() -> ctypes.CDLL:
    """Return the library; *ctypes* lets other threads run while it works.

    :raises NftError: it is not there; one that comes later is seen.
    """
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        raise NftError(
            f"there is no {LIBRARY} here: where ARPANET_IMAGE is set, that image needs it "
            "(Debian's libnftables1), else run 'arpanet slave start' again"
        ) from None
    context = ctypes.c_void_p
    library.nft_ctx_new.argtypes, library.nft_ctx_new.restype = [ctypes.c_uint32], context
    library.nft_ctx_buffer_error.argtypes = library.nft_ctx_free.argtypes = [context]
    library.nft_run_cmd_from_buffer.argtypes = [context, ctypes.c_char_p]
    library.nft_ctx_get_error_buffer.argtypes = [context]
    library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
    return library
