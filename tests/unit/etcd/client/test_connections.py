"""What is said of TLS that failed, by what OpenSSL says."""

from ssl import SSLEOFError

import pytest
from arpanet_etcd.client.connections import tls_fault


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (OSError("no route"), ""),
        (
            SSLEOFError(8, "EOF occurred in violation of protocol (_ssl.c:2427)"),
            "ends the connection; does it speak TLS, and is this host let in?"
            " 'arpanet certs' on a master lists who is",
        ),
    ],
)
def test_what_was_wrong_is_told_in_a_few_words(problem, said):
    assert tls_fault(problem) == said
