"""Dialling with one version of TLS, also one that nobody should speak any more."""

import socket
import ssl
import warnings

__all__ = ["refusal"]


def refusal(context: ssl.SSLContext, ip: str, port: int, version: str) -> str:
    """Return why TLS of *version* is refused there, in OpenSSL's word; ``""`` when it is not.

    An alert of the other side's is its answer: this side did speak that version.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # what is old is what is tried
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # else OpenSSL itself speaks no TLS 1.1
    try:
        with socket.create_connection((ip, port), 5) as plain, context.wrap_socket(plain) as one:
            assert one.version() == version.replace("_", ".")
    except ssl.SSLError as problem:
        return problem.reason
    return ""
