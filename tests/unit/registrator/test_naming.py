"""What SERVICE_* in environment and labels means."""

import pytest
from arpanet_registrator.naming import Declared, clean_id, clean_name, declared, default_name, split

from arpanet.records import Container


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
        ({"SERVICE_80": "x", "SERVICE_80_": "y"}, {}, Declared(attrs={"80": "x", "80_": "y"})),
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
    [("my_app.v2-x", "my_app.v2-x"), (" a/b?c ", "a-b-c"), ("..", ""), ("/", ""), ("_", "")],
)
def test_clean_name(text: str, name: str) -> None:
    assert clean_name(text) == name


def test_clean_id_keeps_colons() -> None:
    assert clean_id(" h1:web/a:80 ") == "h1:web-a:80"
