"""What arpanet.registry promises, kept over v3, over v2, and over whichever answers."""

import pytest

from arpanet.testing.registry import RegistryContract
from tests.services.etcd.cluster import etcd_version

#: Seconds that leases last here: another leads after a third of it, and etcd grants no less.
TTL = 3


class Contract(RegistryContract):
    api: str
    ttl = TTL

    @pytest.fixture
    def registry(self, one_etcd, connect):
        return connect(one_etcd, self.api, TTL)

    @pytest.fixture
    def other(self, one_etcd, connect):
        return connect(one_etcd, self.api, TTL)


class TestV3(Contract):
    api = "v3"


@pytest.mark.skipif(etcd_version() >= (3, 6), reason="etcd 3.6 has no v2")
class TestV2(Contract):
    api = "v2"


class TestAuto(Contract):
    api = "auto"
