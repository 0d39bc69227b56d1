"""What others do to a living host's keys: it is put right, and nothing of it is a withdrawal."""

import pytest
from arpanet_etcd.registry.v3 import writer as writing
from arpanet_etcd.registry.v3.writer import V3Writer

from tests.conftest import wait_for
from tests.services.etcd.hosts import H1, Reader, instance, instances


@pytest.fixture
def gateway(one_etcd):
    return one_etcd.gateway


def test_what_others_do_to_the_entries_is_put_right(
    one_etcd, connect, layout, gateway, monkeypatch
):
    monkeypatch.setattr(writing, "AUDIT", 0.0)
    connect(one_etcd, ttl=3).session(H1).publish(instances(3))
    reader = Reader(connect(one_etcd))
    reader.sees(*instances(3))
    leaf = list(layout.entries(instance(0)))[1]
    gateway.delete(leaf)
    begun = len(reader.heard)
    gateway.delete(layout.record("h1", "h1:c1:80"))
    gateway.put(layout.record("h1", "h1:c2:80"), '{"host": "h1", "ip": "10.9.9.9", "port": 1}')
    wait_for(lambda: reader.last.instances["h1:c2:80"].ip == "10.9.9.9")
    reader.sees(*instances(3), within=4)
    wait_for(lambda: gateway.get(leaf), 4)
    gateway.delete(layout.host("h1"))
    wait_for(lambda: gateway.get(layout.host("h1")), 4)
    reader.sees(*instances(3))
    told = [one.instances for _, one in reader.heard[begun:]]
    assert all(len(one) == 3 for one in told), told


@pytest.fixture(params=[writing.OPERATIONS, 1], ids=["few", "many"])
def compared(request):
    """How many keys of a host one transaction compares: all, or not as many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "OPERATIONS", request.param)
        yield


@pytest.mark.usefixtures("compared")
@pytest.mark.parametrize("left", [3, 2], ids=["at its first word", "at a withdrawal"])
def test_what_is_deleted_by_hand_is_not_withdrawn_by_what_the_host_says_next(
    one_etcd, connect, layout, gateway, monkeypatch, left
):
    writer = V3Writer(gateway, layout, H1, 15)
    writer.refresh()
    reader = Reader(connect(one_etcd))
    say, key = writer._say, layout.record("h1", instance(0).id)

    def after_a_deletion() -> bool:
        monkeypatch.undo()
        gateway.delete(key)
        return say()

    if left == 3:
        monkeypatch.setattr(writer, "_say", after_a_deletion)
    writer.write(instances(3))
    if left == 2:
        reader.sees(*instances(3))
        gateway.delete(key)
        writer.write(instances(2))
    reader.sees(*instances(left))
    told = [one.instances for _, one in reader.heard]
    begun = next(at for at, one in enumerate(told) if instance(0).id in one)
    assert all(instance(0).id in one for one in told[begun:])
