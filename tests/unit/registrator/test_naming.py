"""What SERVICE_* in environment and labels means."""

import pytest
from arpanet_ambassador.links import specs
from arpanet_etcd.registry.keys import Key, Layout
from arpanet_registrator.naming import Declared, clean_id, clean_name, declared, default_name, split

from arpanet import kinds
from arpanet.records import Container, Instance


def container(**fields: object) -> Container:
    return Container(**{"id": "c", "name": "c0", "image": "app", "pid": 1, "started": "", **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("env", "labels", "expected"),
    [
        ({}, {}, Declared()),
        ({"SERVICE_NAME": "a"}, {"SERVICE_NAME": "b"}, Declared(("b",))),
        ({"SERVICE_NAME": "a"}, {"SERVICE_NAME": ""}, Declared()),
        ({"SERVICE_80_NAME": "a"}, {"SERVICE_NAME": "b"}, Declared(("a",), for_port=True)),
        ({"SERVICE_80_NAME": "a"}, {"SERVICE_80_NAME": "b"}, Declared(("b",), for_port=True)),
        ({"SERVICE_443_NAME": "a", "SERVICE_NAME": "b"}, {}, Declared(("b",))),
        ({"SERVICE_80_NAME": "", "SERVICE_NAME": "b"}, {}, Declared()),
        ({"SERVICE_ID": "x", "SERVICE_80_ID": "y"}, {}, Declared(id="y")),
        ({"SERVICE_TAGS": r"a,b\,c"}, {}, Declared(tags=("a", "b,c"))),
        ({"SERVICE_80_IGNORE": "yes"}, {}, Declared(ignored=True)),
        ({"SERVICE_Region": "eu", "SERVICE_EMPTY": ""}, {}, Declared(attrs={"region": "eu"})),
        ({"SERVICE_80_CHECK_HTTP": "/up"}, {}, Declared(attrs={"check_http": "/up"})),
        ({"SERVICE_80": "x", "SERVICE_80_": "y"}, {}, Declared(attrs={"80": "x"})),
        ({"SERVICE_+80_X": "x", "SERVICE_-80_X": "x", "SERVICE_080_X": "x"}, {}, Declared()),
        ({f"SERVICE_{'9' * 20}_X": "x"}, {}, Declared(attrs={f"{'9' * 20}_x": "x"})),
        ({f"SERVICE_{2**63 - 1}_X": "x"}, {}, Declared()),
        ({f"SERVICE_{2**63}_X": "x"}, {}, Declared(attrs={f"{2**63}_x": "x"})),
        ({"SERVICE_+_X": "x", "SERVICE__X": "y"}, {}, Declared(attrs={"+_x": "x", "_x": "y"})),
        ({"service_name": "a", "Service_Name": "a", "XSERVICE_NAME": "a"}, {}, Declared()),
    ],
)
def test_declared(env: dict[str, str], labels: dict[str, str], expected: Declared) -> None:
    assert declared(container(env=env, labels=labels), 80) == expected


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("redis", "redis"),
        ("redis:7", "redis"),
        ("ns/redis:7", "redis"),
        ("registry:5000/ns/redis", "redis"),
        ("registry:5000/ns/redis:7@sha256:0123", "redis"),
        ("redis@sha256:0123", "redis"),
        ("sha256:0123456789ab", "c0"),
        ("", "c0"),
    ],
)
def test_default_name(image: str, name: str) -> None:
    assert default_name(container(image=image)) == name


@pytest.mark.parametrize(
    ("text", "parts"),
    [("", ()), (",,a,", ("a",)), ("b, a", ("b", "a")), (r"\,", (",",)), (r"a\b", (r"a\b",))],
)
def test_split(text: str, parts: tuple[str, ...]) -> None:
    assert split(text) == parts


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("my_app.v2-x", "my_app.v2-x"),
        (" a/b?c ", "a-b-c"),
        ("c++", "c++"),
        ("a@b~c", "a@b~c"),
        ("café", "café"),
        ("/.x", "x"),
        ("..", ""),
        ("/", ""),
        ("_", ""),
    ],
)
def test_clean_name(text: str, name: str) -> None:
    assert clean_name(text) == name


@pytest.mark.parametrize("code", [*range(0x20, 0x7F), 0xE9, 0x3042])
def test_whatever_is_registered_can_be_linked_to_and_read_back(code: int) -> None:
    for text in (f"a{chr(code)}b", f"{chr(code)}b", f"a{chr(code)}"):
        name = clean_name(text)
        assert specs.parse(name) == specs.Service(name)
        assert specs.parse(f"{name}?tag=x").name == name
        layout = Layout("/arpanet")
        one = Instance(clean_id(text), (name,), "h1", "10.0.0.1", 80)
        parsed = [layout.parse(key) for key in layout.entries(one)]
        assert parsed == [Key("instances", one.id, host="h1"), Key("services", one.id, name)]


@pytest.mark.parametrize("code", range(256))
def test_what_an_instance_can_have_can_be_reserved_and_nothing_else(code: int) -> None:
    one = chr(code)
    for text in (one, f"a{one}b", f"{one}b", f"_{one}", f"a{one}", f"{one}{one}"):
        try:
            can = bool(kinds.service_name(text))
        except ValueError:
            can = False
        assert can == (text != "" and clean_name(text) == text), text


def test_an_id_that_cannot_be_a_key_is_mended_and_said() -> None:
    found = declared(container(env={"SERVICE_ID": "a/b"}), 80)
    assert (found.id, found.warnings) == (
        "a-b",
        ("SERVICE_ID=a/b cannot be a key, 'a-b' is used",),
    )


def test_clean_id_keeps_colons() -> None:
    assert clean_id(" h1:web/a:80 ") == "h1:web-a:80"
