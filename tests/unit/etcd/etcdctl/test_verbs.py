import pytest
from arpanet_etcd.etcdctl.verbs import Verb, listing, normal, parse

KEYS = ["/arpanet/hosts/h1", "/arpanet/services/redis/h1:r:6379", "/flag", "/_hidden/x", "raw"]


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        ("ls / --recursive", Verb("ls", ("/",), {"recursive": ""})),
        ("ls -r -p", Verb("ls", (), {"recursive": "", "p": ""})),
        ("get /a", Verb("get", ("/a",))),
        ("set --ttl 30 /a b", Verb("set", ("/a", "b"), {"ttl": "30"})),
        ("set /a b --ttl=30", Verb("set", ("/a", "b"), {"ttl": "30"})),
        ("set /a -5", Verb("set", ("/a", "-5"))),
        ("set -- /a --x", Verb("set", ("/a", "--x"))),
        ("set /a", Verb("set", ("/a",))),
        ("rm --recursive /a", Verb("rm", ("/a",), {"recursive": ""})),
    ],
)
def test_old_verbs_are_understood(words, verb):
    assert parse(words.split()) == verb


@pytest.mark.parametrize(
    "words",
    [
        "",
        "put a b",
        "get a --prefix",
        "get --keys-only a",
        "member list",
        "get a b",
        "set --ttl x a b",
        "--endpoints=x get a",
        "set --ttl",
    ],
)
def test_all_else_is_left_to_the_real_one(words):
    assert parse(words.split()) is None


def test_ls_shows_one_level():
    assert listing(KEYS, "/", False, False) == ["/arpanet", "/flag"]


def test_ls_recursive_shows_directories_before_what_they_hold():
    assert listing(KEYS, "/", True, True) == [
        "/arpanet/",
        "/arpanet/hosts/",
        "/arpanet/hosts/h1",
        "/arpanet/services/",
        "/arpanet/services/redis/",
        "/arpanet/services/redis/h1:r:6379",
        "/flag",
    ]


def test_ls_of_a_key_and_of_nothing():
    assert listing(KEYS, "/flag", False, False) == ["/flag"]
    assert listing(KEYS, "/arp", False, False) is None
    assert listing([], "/", False, False) == []


def test_hidden_keys_show_when_asked_for():
    assert listing(KEYS, "/_hidden", False, False) == ["/_hidden/x"]


def test_normal():
    assert [normal(p) for p in ("", "/", "a/b", "/a//b/")] == ["/", "/", "/a/b", "/a/b"]
