"""What others do to the nftables plane, and where it can't be."""

import os
from pathlib import Path

import pytest
from arpanet_ambassador.planes import namespaces, netlink
from arpanet_ambassador.planes.nftables import nft
from arpanet_ambassador.planes.nftables.plane import Nftables
from arpanet_ambassador.planes.plane import Home

from arpanet.records import Target
from tests.conftest import wait_for
from tests.services.ambassador.lan import (
    AMBASSADOR,
    Lan,
    Node,
    anybody,
    hello,
)
from tests.services.ambassador.leading import leading
from tests.services.ambassador.nftables import KEY, ONE, Plane, links

GONE = "the container has gone"

pytestmark = pytest.mark.usefixtures("servers")


@pytest.mark.parametrize(
    "damage",
    [
        "delete table ip arpanet",
        "flush chain ip arpanet dial",
        "insert rule ip arpanet dial accept",
    ],
)
def test_drift_is_repaired_and_counted(lan, plane, damage):
    plane.apply(backend=[ONE], connect=[ONE])
    plane.apply(backend=[ONE], connect=[ONE], check=True)
    assert plane.nftables.drift == 0
    lan.client.sh(f"nft '{damage}'")
    plane.apply(backend=[ONE], connect=[ONE], check=True)
    assert plane.nftables.drift == 1
    with lan.client.dial(AMBASSADOR, 6379) as connection:
        assert hello(connection) == f"{ONE.ip}:6379"


def test_what_a_client_fills_its_table_with_is_not_read(lan, plane, monkeypatch):
    """It may do so with NET_ADMIN, and all other clients would have to wait."""
    read = 0

    def counted(table):
        nonlocal read
        for one in rules(table):
            read += 1
            yield one

    rules = netlink.rules
    monkeypatch.setattr(netlink, "rules", counted)
    plane.apply(backend=[ONE])
    own, read = read, 0
    lan.client.sh(
        "{ echo add chain ip arpanet flood;"
        " yes add rule ip arpanet flood counter | head -n 3000; } | nft -f -"
    )
    plane.apply(backend=[ONE], check=True)
    assert (plane.nftables.drift, read) == (1, 2 * own + 1)
    assert "flood" not in plane.listing()


def test_failure_is_told_and_tried_again_later_each_time(lan):
    ill = True

    def verify(home):
        if ill:
            raise OSError("no luck")
        return True

    plane = Plane(lan, verify)
    assert plane.apply(backend=[ONE]) == {"no luck"}
    assert plane.nftables.due() == 1.0
    plane.now = 1.0
    assert plane.apply(backend=[ONE]) == {"no luck"}
    assert plane.nftables.due() == 2.0
    ill = False
    assert plane.apply(backend=[ONE]) == {"no luck"}  # not yet
    plane.now = 3.0
    assert plane.apply(backend=[ONE]) == set()
    assert plane.nftables.due() is None
    assert "dnat to" in plane.listing()


def test_transaction_that_nft_refuses_leaves_the_old_table(lan, plane):
    plane.apply(backend=[ONE])
    before = plane.listing()
    (trouble,) = plane.apply(backend=[Target("10.0.0.1; nonsense", 80)])
    assert "syntax error" in trouble
    assert plane.listing() == before


def test_without_the_library_it_says_what_to_do(lan, plane, monkeypatch):
    nft._loaded.cache_clear()
    with monkeypatch.context() as lost:
        lost.setattr(nft, "LIBRARY", "libnowhere.so.1")
        (trouble,) = plane.apply(backend=[ONE])
        assert trouble.startswith("there is no libnowhere.so.1 here: ")
        assert "'arpanet slave start'" in trouble
    plane.now = plane.nftables.due()
    assert plane.apply(backend=[ONE]) == set()
    assert "dnat to" in plane.listing()


def test_namespace_that_dies_in_the_middle_of_its_entry():
    def dies(home):
        with node:
            return True

    node = Node("dying")
    wanted = leading({KEY: (node.home, links([ONE]))})
    plane = Nftables(dies)
    wait_for(lambda: namespaces.name_of(node.home.pid) != namespaces.name_of(os.getpid()))
    name = namespaces.name_of(node.home.pid)
    assert plane.apply(*wanted) == {}  # the open descriptor was all that held it
    threads = [int(one.name) for one in Path("/proc/self/task").iterdir()]
    assert name not in map(namespaces.name_of, threads)
    gone = {(KEY, one): GONE for one in wanted[0][KEY].links}
    assert plane.apply(*wanted, check=True) == gone


def test_process_that_is_not_the_containers_is_not_entered(lan):
    plane = Plane(lan, namespaces.belongs)
    (trouble,) = plane.apply(backend=[ONE])
    assert "is not the container's any more" in trouble
    assert plane.listing() == ""


def test_process_that_lives_in_another_namespace_by_now_is_not_entered(lan, plane):
    """What the kernel called a namespace is another's when that one's processes have ended."""
    plane.apply(backend=[ONE], namespace="net:[1]")
    assert plane.listing() == ""
    plane.apply(backend=[ONE], namespace=namespaces.name_of(lan.client.process.pid))
    assert "dnat to" in plane.listing()


@pytest.mark.parametrize("pid", [os.getpid(), 1], ids=["own", "first"])
def test_namespace_of_the_host_is_never_entered(pid):
    plane = Nftables(anybody)
    (trouble,) = plane.apply(*leading({KEY: (Home(KEY, pid), links([ONE]))})).values()
    assert "the host's" in trouble


def test_process_that_ended_is_told_and_not_tried_again():
    plane = Nftables(anybody)
    (trouble,) = plane.apply(*leading({KEY: (Home(KEY, 2**22 + 1), links([ONE]))})).values()
    assert trouble == GONE
    assert plane.due() is None


def test_threads_come_back_from_their_visits(lan):
    def where():
        return Path("/proc/thread-self/ns/net").readlink()

    home = where()
    assert lan.client.do(where) != home
    assert where() == home


def test_process_of_another_user():
    lan = Lan(client_uid=1000)
    try:
        lan.serve(ONE.ip, 6379)
        assert Plane(lan).apply(connect=[ONE]) == set()
        with lan.client.dial("127.0.0.1", 80) as connection:
            assert hello(connection) == f"{ONE.ip}:6379"
    finally:
        lan.end()


# -- netlink -------------------------------------------------------------------------------------
