"""What others write to ``/services``: read from a real etcd where a setting asks for it."""

import pytest
from arpanet_etcd.registry.registry import make_registry
from arpanet_etcd.settings import SETTINGS

from arpanet import settings
from arpanet.records import Instance
from arpanet.settings import CORE
from tests.services.etcd.hosts import H1, Reader, instance


@pytest.mark.parametrize(("foreign", "read"), [("", False), ("off", False), ("on", True)])
def test_a_leaf_that_somebody_put_there(one_etcd, layout, connect, tmp_path, foreign, read):
    connect(one_etcd).session(H1).publish([instance(1)])
    one_etcd.gateway.put(layout.leaf("db", "by-hand"), "10.0.0.9:5432")
    masters = one_etcd.endpoints[0].removeprefix("http://")
    given = {
        "HOME": str(tmp_path),
        "ARPANET_IP": "10.0.0.9",
        "ARPANET_REGISTRY": f"etcd://{masters}{layout.root.rstrip('/')}",
        "ARPANET_TLS": "off",
        "ARPANET_FOREIGN": foreign,
    }
    registry = make_registry(settings.load([*CORE, *SETTINGS], None, given))
    assert registry is not None
    theirs = Instance("by-hand", ("db",), "", "10.0.0.9", 5432)
    reader = Reader(registry)
    reader.sees(instance(1), *([theirs] if read else []))
    assert set(registry.read().services()) == {"web", "web-1", *(["db"] if read else [])}
    reader.follower.close()
    registry.close()
