from dataclasses import replace

import pytest
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters import peers
from arpanet_etcd.masters.plan import Cluster, Own

from arpanet.errors import RegistryError, RegistryUnreachable, UsageError
from arpanet.records import Member

OWN = Own("h1", "10.0.0.1", 4001, 7001)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("10.0.0.2", "http://10.0.0.2:7001"),
        ("10.0.0.2:7009", "http://10.0.0.2:7009"),
        ("http://h2:7001/", "http://h2:7001"),
        ("https://h2:7001", "http://h2:7001"),
        ("[fd00::2]:7001", "http://[fd00::2]:7001"),
        ("[fd00::2]", "http://[fd00::2]:7001"),
    ],
)
def test_address(given, url):
    assert peers.address(given, OWN) == url
    assert peers.address(given, replace(OWN, tls=True)) == url.replace("http", "https")


@pytest.mark.parametrize("given", ["a b", "h2:99999", "ftp://h2:7001", "h2:7001/x", ":7001"])
def test_what_is_no_address(given):
    with pytest.raises(UsageError, match=r"no ip:port; for example"):
        peers.address(given, OWN)


def test_this_host_is_not_its_own_peer():
    assert peers.others(("10.0.0.1:7001", "10.0.0.2", "10.0.0.2:7001"), OWN) == [
        "http://10.0.0.2:7001"
    ]


def test_parse():
    answer = [
        {"id": 255, "name": "h1", "peerURLs": ["http://a:1"], "clientURLs": ["http://a:2"]},
        {"id": 16, "peerURLs": ["http://b:1"], "name": "", "isLearner": True},
    ]
    assert peers.parse("00ff", answer) == Cluster(
        "ff",
        (
            Member("h1", "ff", ("http://a:1",), ("http://a:2",)),
            Member("", "10", ("http://b:1",), (), True),
        ),
    )


def test_id_and_members_are_of_one_answer(monkeypatch):
    """Of two, the first may be of one cluster and the second of another: who is wiped then?"""

    def answer(cluster, name):
        return {"header": {"cluster_id": str(cluster)}, "members": [{"ID": "1", "name": name}]}

    answers = [answer(0xA, "a"), answer(0xB, "b")]
    monkeypatch.setattr(Gateway, "catch_up", lambda self: None)
    monkeypatch.setattr(Gateway, "call", lambda self, path, body: answers.pop(0))
    found = peers.agreed(["http://10.0.0.1:4001"])
    assert (found.id, [one.name for one in found.members]) == ("a", ["a"])
    assert len(answers) == 1


@pytest.mark.parametrize(("number", "answer"), [("", [{"id": 1}]), ("ff", []), ("ff", {"a": 1})])
def test_parse_what_is_no_cluster(number, answer):
    with pytest.raises((ValueError, KeyError)):
        peers.parse(number, answer)


PEER = "http://10.0.0.1:7001"


def test_a_member_that_has_not_read_its_data_is_starting():
    with pytest.raises(RegistryUnreachable, match=r"10\.0\.0\.1:7001 is starting"):
        peers.understood(PEER, "cdf818194e3a8c32", b"[]\n")


@pytest.mark.parametrize(
    ("cluster", "answer"), [("", b"[]"), ("", b"<html>"), ("cdf8", b"{}"), ("x", b'[{"id": 1}]')]
)
def test_what_is_no_peer(cluster, answer):
    with pytest.raises(RegistryError, match="is no etcd peer"):
        peers.understood(PEER, cluster, answer)
