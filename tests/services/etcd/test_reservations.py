"""``arpanet service …`` beside a real etcd."""

import json
from contextlib import closing

import pytest
from arpanet_etcd.registry.vault import open_vault
from arpanet_identity import roster

from tests.conftest import wait_for
from tests.services.etcd import commands
from tests.services.etcd.hosts import H1, H2, Reader, instance


@pytest.fixture
def arpanet(one_etcd, layout, tmp_path):
    """Run a command line there; returns its exit code, and both outputs."""
    masters = one_etcd.endpoints[0].removeprefix("http://")
    given = {
        "HOME": str(tmp_path),
        "ARPANET_IP": "10.0.0.9",
        "ARPANET_REGISTRY": f"etcd://{masters}{layout.root.rstrip('/')}",
    }

    def run(*argv):
        return commands.arpanet(given, *argv, timeout=60)

    return run


def test_a_name_is_reserved_and_released(one_etcd, connect, arpanet):
    mine, others = instance(1), instance(1, host="h2", port=9000)
    connect(one_etcd).session(H1).publish([mine])
    connect(one_etcd).session(H2).publish([others])
    reader = Reader(connect(one_etcd))
    reader.sees(mine, others)
    assert arpanet("service", "reserve", "web", "--hosts", "h1,h9") == (
        0,
        "",
        "h9: no such host is up now\nrefused from now on: h2:c1:80\n"
        "still anybody's, as a name of its own: web-1; reserve it, too\n",
    )
    wait_for(lambda: reader.last.services()["web"] == (mine,))
    assert reader.last.instances[others.id].services == ("web-1",)
    code, out, _ = arpanet("service", "list", "-f", "json")
    assert (code, json.loads(out)) == (0, [{"service": "web", "hosts": "h1,h9"}])
    code, out, _ = arpanet("services", "web", "-f", "json")
    shown = {row["instance"]: row["refused"] for row in json.loads(out)}
    assert shown == {mine.id: "", others.id: "web is reserved for h1, h9"}
    assert arpanet("service", "reserve", "web-1", "--hosts", "h1,h2") == (0, "", "")
    assert arpanet("service", "reserve", "web", "--hosts", "h1,h2") == (0, "", "")
    assert arpanet("service", "release", "web") == (0, "", "")
    reader.sees(mine, others)
    assert arpanet("service", "release", "web") == (0, "", "web is not reserved\n")


def test_masters_put_back_what_a_store_lost_and_not_what_was_released(one_etcd, layout, arpanet):
    vault = open_vault(one_etcd.endpoints, layout.root.rstrip("/"))
    reserve = ("service", "reserve", "web", "--hosts", "h1")
    with closing(vault):

        def after_a_wipe(copy):
            for name in (*vault.list("public/"), *vault.list("released/")):
                vault.delete(name)
            return roster.read(vault, copy)

        assert arpanet(*reserve)[0] == 0
        kept = roster.read(vault, {}).plain()
        assert after_a_wipe(kept).plain() == kept
        assert json.loads(vault.read("public/services/web").value) == {"hosts": ["h1"]}
        assert arpanet("service", "release", "web")[0] == 0
        after = roster.read(vault, kept)
        assert (after.names, vault.list("public/services/")) == ({}, {})
        assert after_a_wipe(after.plain()).names == {}
        assert arpanet(*reserve)[0] == 0
        again = roster.read(vault, after.plain()).plain()
        assert after_a_wipe(again).names.keys() == {"web"}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("web", "--hosts", ""), "must name a host"),
        (("web", "--hosts", "h1,?"), "must be a host name"),
        (("a/b", "--hosts", "h1"), "'a/b' must be a service's name: letters, digits"),
        (("web:80", "--hosts", "h1"), "'web:80' must be a service's name: letters, digits"),
        (("web?tag=a", "--hosts", "h1"), "'web?tag=a' must be a service's name: letters, digits"),
        (("web",), "required: --hosts"),
    ],
)
def test_what_makes_no_sense_is_one_line(arpanet, argv, said):
    code, out, err = arpanet("service", "reserve", *argv)
    assert (code, out) == (2, "")
    assert said in err
    assert json.loads(arpanet("service", "list", "-f", "json")[1]) == []


def test_a_name_that_no_instance_can_have_is_given_back(one_etcd, layout, arpanet):
    """It may have been reserved when that was not refused."""
    with closing(open_vault(one_etcd.endpoints, layout.root.rstrip("/"))) as vault:
        vault.write("public/services/web:80", '{"hosts": ["h1"]}')
        assert arpanet("service", "release", "web:80") == (0, "", "")
        assert vault.list("public/services/") == {}
