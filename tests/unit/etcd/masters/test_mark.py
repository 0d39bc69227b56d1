"""What remembers that this host was in a cluster."""

import pytest
from arpanet_etcd.masters import mark
from arpanet_etcd.masters.plan import Cluster, Own

from arpanet import ARPANET_IDENTITY, Member
from arpanet.errors import ArpanetError, RegistryError

OWN = Own("h1", "10.0.0.1", 4001, 7001)
ALONE = Cluster("c1", (Member("h1", "11", ("http://10.0.0.1:7001",), (), False),))
OTHER = Member("h2", "22", ("http://10.0.0.2:7001",), (), False)


@pytest.fixture
def settings(tmp_path):
    return {ARPANET_IDENTITY: tmp_path / "arpanet"}


def test_a_host_of_no_cluster_may_begin_one(settings):
    assert mark.known(settings) == ""
    mark.refuse_anew(settings)
    mark.forget(settings)


def test_one_that_was_in_a_cluster_may_not_until_it_is_forgotten(settings):
    mark.remember(settings, ALONE, OWN)
    assert mark.known(settings) == "c1"
    with pytest.raises(RegistryError, match=r"of cluster c1, .*--peers <another master>:7001"):
        mark.refuse_anew(settings)
    mark.remember(settings, Cluster("c1", (*ALONE.members, OTHER)), OWN)
    with pytest.raises(RegistryError, match=r"--peers 10.0.0.2:7001; .*: rm .*/arpanet/cluster"):
        mark.refuse_anew(settings)
    mark.forget(settings)
    mark.refuse_anew(settings)


def test_it_is_not_written_again_for_nothing(settings):
    mark.remember(settings, ALONE, OWN)
    before = mark.place(settings).stat().st_ino
    mark.remember(settings, ALONE, OWN)
    assert mark.place(settings).stat().st_ino == before
    assert mark.place(settings).parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 1000])
def test_one_that_can_not_be_read_is_one_all_the_same(settings, content):
    mark.place(settings).parent.mkdir()
    mark.place(settings).write_bytes(content)
    assert mark.known(settings) == ""
    with pytest.raises(RegistryError, match="this host is of a cluster, and has"):
        mark.refuse_anew(settings)


def test_where_it_can_not_be_written_that_is_said(settings):
    mark.place(settings).mkdir(parents=True)
    with pytest.raises(ArpanetError, match=r"arpanet/cluster can't be written: "):
        mark.remember(settings, ALONE, OWN)
    with pytest.raises(ArpanetError, match=r"arpanet/cluster can't be removed: "):
        mark.forget(settings)
