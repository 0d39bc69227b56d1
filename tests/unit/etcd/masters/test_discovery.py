import pytest
from arpanet_etcd.masters.discovery import Token, parse

from arpanet.errors import RegistryError, UsageError


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("etcd://10.0.0.1:4001/abc", Token("http://10.0.0.1:4001", "/_etcd/registry/abc")),
        ("etcd://10.0.0.1/abc", Token("http://10.0.0.1:4001", "/_etcd/registry/abc")),
        ("https://h.example.com/abc", Token("https://h.example.com", "/_etcd/registry/abc")),
        ("http://[fd00::1]:2379/abc/", Token("http://[fd00::1]:2379", "/_etcd/registry/abc")),
        (
            "http://h:4001/v2/keys/_etcd/registry/abc",
            Token(
                "http://h:4001", "/_etcd/registry/abc", "http://h:4001/v2/keys/_etcd/registry/abc"
            ),
        ),
    ],
)
def test_parse(text, token):
    assert parse(text) == token


@pytest.mark.parametrize(
    "text", ["abc", "etcd://h:4001", "etcd://h:x/abc", "ftp://h/abc", "http:///abc", "http://h/a b"]
)
def test_what_is_no_token(text):
    with pytest.raises(UsageError, match="is no token; for example etcd://"):
        parse(text)


def test_the_public_service_is_gone():
    with pytest.raises(RegistryError, match=r"discovery\.etcd\.io is gone; make a token"):
        parse("https://discovery.etcd.io/b34c47fbc5300409d8c4d557b40a5bce")
