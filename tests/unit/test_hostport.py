import pytest

from arpanet.hostport import joined, split


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("10.0.0.1:4001", ("10.0.0.1", 4001)),
        ("m-1.example", ("m-1.example", None)),
        ("[fd00::1]:4001", ("fd00::1", 4001)),
        ("[::ffff:10.0.0.1]", ("::ffff:10.0.0.1", None)),
    ],
)
def test_split(text, parts):
    assert split(text) == parts


@pytest.mark.parametrize(
    "text",
    ["", ":80", "a:", "a:0", "a:65536", "a:1x", "fd00::1", "[fd00::1", "[]:1", "a b", "[m1]:1"],
)
def test_what_is_neither(text):
    with pytest.raises(ValueError, match="is no host or host:port"):
        split(text)


@pytest.mark.parametrize("host", ["10.0.0.1", "name", "fd00::1"])
def test_what_is_joined_is_split_again(host):
    assert split(joined(host, 80)) == (host, 80)
