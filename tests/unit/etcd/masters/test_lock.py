"""The lock on the masters, where they fall silent."""

import pytest
from arpanet_etcd.client.wire import Unanswered
from arpanet_etcd.masters.lock import Lock

from arpanet import Progress
from arpanet.errors import RegistryUnreachable


class Silent:
    """Masters that grant a lease, and then say nothing: who knows what they have done."""

    def __init__(self) -> None:
        self.revoked: list[int] = []

    def grant(self, _: int) -> int:
        return 7

    def keepalive(self, _: int) -> bool:
        return True

    def txn(self, *_: object) -> None:
        raise Unanswered("no answer")

    def get(self, _: str) -> None:
        raise RegistryUnreachable("no answer")

    def revoke(self, lease: int) -> None:
        self.revoked.append(lease)


def test_what_may_have_been_taken_is_not_kept_alive():
    masters = Silent()
    with pytest.raises(RegistryUnreachable), Lock(masters, "/lock", "h1", Progress(print)):
        pytest.fail("it was entered")
    assert masters.revoked == [7]
