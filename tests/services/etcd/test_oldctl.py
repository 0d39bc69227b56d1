"""The old verbs over a real etcd, printing what the old etcdctl printed."""

from collections.abc import Callable

import pytest
from arpanet_etcd.etcdctl import old, verbs
from arpanet_etcd.etcdctl.verbs import OldError

from tests.conftest import wait_for
from tests.services.etcd.masters import masters

__all__ = ["masters"]  # a fixture

Ctl = Callable[..., list[str]]


@pytest.fixture
def ctl(masters) -> Ctl:
    (one,) = masters(1)
    one.boot()

    def run(line: str, stdin: str = "") -> list[str]:
        verb = verbs.parse(line.split())
        assert verb
        return old.run(one.gateway, verb.complete(lambda: stdin))

    return run


def refused(ctl: Ctl, line: str) -> str:
    with pytest.raises(OldError) as caught:
        ctl(line)
    return str(caught.value).rpartition(" [")[0]


def test_what_the_old_etcdctl_did(ctl):
    assert ctl("ls /") == []
    assert ctl("mkdir /shop") == []
    assert ctl("set /shop/a 1") == ["1"]
    assert ctl("mk /shop/deep/b", stdin="two lines\nof text") == ["two lines\nof text"]
    assert ctl("update shop/a 2") == ["2"]
    assert ctl("get /shop/a") == ["2"]
    assert ctl("ls / -r") == ["/shop", "/shop/a", "/shop/deep", "/shop/deep/b"]
    assert ctl("ls -p /shop") == ["/shop/a", "/shop/deep/"]
    assert ctl("ls /shop/a") == ["/shop/a"]
    assert ctl("rm /shop/a") == ["PrevNode.Value: 2"]
    assert ctl("rm --recursive /shop") == []
    assert ctl("ls /") == []


def test_what_it_refused(ctl):
    ctl("set /shop/a 1")
    assert refused(ctl, "get /nope") == "Error:  100: Key not found (/nope)"
    assert refused(ctl, "ls /nope") == "Error:  100: Key not found (/nope)"
    assert refused(ctl, "update /nope 1") == "Error:  100: Key not found (/nope)"
    assert refused(ctl, "rm /nope") == "Error:  100: Key not found (/nope)"
    assert refused(ctl, "mk /shop/a 2") == "Error:  105: Key already exists (/shop/a)"
    assert refused(ctl, "set /shop 2") == "Error:  102: Not a file (/shop)"
    assert refused(ctl, "rm /shop") == "Error:  102: Not a file (/shop)"
    assert refused(ctl, "rmdir /shop") == "Error:  108: Directory not empty (/shop)"
    assert refused(ctl, "set / 1") == "Error:  107: Root is read only (/)"
    with pytest.raises(IsADirectoryError, match="/shop: is a directory"):
        ctl("get /shop")
    assert ctl("get /shop/a") == ["1"]


def test_compare_and_swap(ctl):
    ctl("set /a 1")
    assert refused(ctl, "set --swap-with-value 2 /a 3") == "Error:  101: Compare failed (/a)"
    assert ctl("set --swap-with-value 1 /a 3") == ["3"]
    assert refused(ctl, "rm --with-value 1 /a") == "Error:  101: Compare failed (/a)"
    assert refused(ctl, "set --swap-with-value 1 /b 3") == "Error:  100: Key not found (/b)"


def test_a_key_that_goes_by_itself(ctl):
    assert ctl("set --ttl 1 /a 1") == ["1"]
    wait_for(lambda: ctl("ls /") == [], 15)
