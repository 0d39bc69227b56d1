"""registrator's vectors, and what arpanet does about each: host h1, ARPANET_IP 10.0.0.1."""

from collections.abc import Iterable
from typing import Any

import pytest
from arpanet_registrator.instances import Result, of_host
from arpanet_registrator.settings import Options

from arpanet.records import Container, Instance, Port

IP = "10.0.0.1"
STARTED = "2024-01-01T00:00:00.123456789Z"
WEB = (Port(80, host_ip="0.0.0.0", host_port=8080), Port(443, host_ip="0.0.0.0", host_port=8443))


def container(image: str = "nginx", ports: Iterable[Port] = WEB, **more: Any) -> Container:
    fields = {"id": "c0", "name": "c0", "pid": 1, "started": STARTED, **more}
    return Container(image=image, ports=tuple(ports), **fields)


def made(
    *containers: Container,
    open_ports: Iterable[int] = (),
    **options: Any,
) -> Result:
    chosen = Options("h1", **{"ip": IP, **options})
    return of_host(containers, chosen, lambda port, _: port in set(open_ports))


def names(*containers: Container, **more: Any) -> dict[str, tuple[str, ...]]:
    """id -> every service name, the proper ones first."""
    return {key: one.services for key, one in made(*containers, **more).instances.items()}


def said(*containers: Container, **more: Any) -> list[str]:
    return [line for lines in made(*containers, **more).warnings.values() for line in lines]


def test_one_published_port() -> None:
    redis = container(
        "redis:7",
        [Port(6379, host_ip="0.0.0.0", host_port=10000)],
        name="r0",
        networks={"bridge": "172.17.0.2", "back": "fd00::2", "gone": ""},
        env={"SERVICE_TAGS": "a,b", "SERVICE_REGION": "eu", "SERVICE_CHECK_TTL": "15s"},
        health="healthy",
    )
    assert made(redis).instances == {
        "h1:r0:6379": Instance(
            id="h1:r0:6379",
            services=("redis", "redis-6379"),
            host="h1",
            ip=IP,
            port=10000,
            container="c0",
            tags=("a", "b"),
            attrs={"region": "eu", "check_ttl": "15s"},
            health="healthy",
            local={"bridge": "172.17.0.2:6379", "back": "[fd00::2]:6379"},
            started=1704067200.123,
        )
    }
    assert made(redis).instances["h1:r0:6379"].address == "10.0.0.1:10000"


@pytest.mark.parametrize(
    ("env", "http", "https"),
    [
        ({}, ("nginx-80",), ("nginx-443",)),
        ({"SERVICE_NAME": "web"}, ("web-80", "web"), ("web-443",)),
        ({"SERVICE_80_NAME": "http"}, ("http",), ("nginx-443",)),
        ({"SERVICE_80_NAME": "http", "SERVICE_NAME": "web"}, ("http",), ("web-443",)),
        ({"SERVICE_443_NAME": "tls", "SERVICE_NAME": "web"}, ("web-80", "web"), ("tls",)),
        ({"SERVICE_443_IGNORE": "1"}, ("nginx-80",), None),
        ({"SERVICE_80_IGNORE": "1"}, None, ("nginx-443",)),
        ({"SERVICE_80_IGNORE": "1", "SERVICE_NAME": "web"}, None, ("web-443",)),
        ({"SERVICE_443_IGNORE": "1", "SERVICE_NAME": "web"}, ("web-80", "web"), None),
        ({"SERVICE_IGNORE": "1", "SERVICE_443_IGNORE": ""}, None, ("nginx-443",)),
        ({"SERVICE_IGNORE": "false"}, None, None),
        ({"SERVICE_IGNORE": ""}, ("nginx-80",), ("nginx-443",)),
        ({"SERVICE_NAME": "web,www"}, ("web-80", "www-80", "web", "www"), ("web-443", "www-443")),
        ({"SERVICE_80_NAME": "http,www"}, ("http", "www"), ("nginx-443",)),
        ({"SERVICE_80_NAME": "", "SERVICE_NAME": ""}, ("nginx-80",), ("nginx-443",)),
    ],
)
def test_group(
    env: dict[str, str], http: tuple[str, ...] | None, https: tuple[str, ...] | None
) -> None:
    expected = {"h1:c0:80": http, "h1:c0:443": https}
    assert names(container(env=env)) == {key: value for key, value in expected.items() if value}


def test_ignore_false_is_warned_about() -> None:
    assert "SERVICE_IGNORE=false" in said(container(env={"SERVICE_IGNORE": "false"}))[0]
    assert not said(container(env={"SERVICE_IGNORE": "1"}))


def test_one_port_with_two_protocols_is_one_name() -> None:
    dns = container("dns", [Port(53, "tcp", "", 53), Port(53, "udp", "", 53)])
    found = made(dns).instances
    assert {key: (one.services[0], one.protocol, one.tags) for key, one in found.items()} == {
        "h1:c0:53": ("dns", "tcp", ()),
        "h1:c0:53:udp": ("dns", "udp", ("udp",)),
    }


def test_a_duplicate_id_is_refused_and_nothing_is_lost() -> None:
    twice = container(env={"SERVICE_ID": "x", "SERVICE_NAME": "web"})
    assert names(twice) == {"x": ("web-80", "web"), "h1:c0:443": ("web-443",)}
    assert "SERVICE_ID=x is in use" in said(twice)[0]


def test_an_id_stays_with_the_older_container() -> None:
    one_port = WEB[:1]
    old = container(ports=one_port, id="b", name="old", env={"SERVICE_ID": "x"})
    new = container(ports=one_port, id="a", name="new", env={"SERVICE_ID": "x"}, started="2025")
    assert {key: one.container for key, one in made(new, old).instances.items()} == {
        "x": "b",
        "h1:new:80": "a",
    }
    thief = container(ports=one_port, id="t", name="thief", env={"SERVICE_ID": "h1:old:80"})
    assert set(made(thief, replace_id(old)).instances) == {"h1:old:80", "h1:thief:80"}


def replace_id(one: Container) -> Container:
    return container(ports=one.ports, id=one.id, name=one.name, started="2026")


@pytest.mark.parametrize(
    ("bound", "port", "warned"),
    [
        (["0.0.0.0"], 1000, False),
        (["::", "0.0.0.0"], 1001, False),
        ([IP], 1000, False),
        ([""], 1000, False),
        (["127.0.0.1"], None, False),
        (["127.0.0.1", "::1"], None, False),
        (["127.0.0.1", IP], 1001, False),
        (["172.17.0.1"], None, True),
        (["::"], None, True),
    ],
)
def test_only_what_answers_at_arpanet_ip_is_advertised(
    bound: list[str], port: int | None, warned: bool
) -> None:
    one = container("app", [Port(80, "tcp", ip, 1000 + at) for at, ip in enumerate(bound)])
    assert [(i.ip, i.port) for i in made(one).instances.values()] == ([(IP, port)] if port else [])
    assert bool(said(one)) is warned


@pytest.mark.parametrize(("bound", "found"), [("0.0.0.0", 1), ("::", 1), ("10.0.0.1", 0)])
def test_an_arpanet_of_ipv6(bound: str, found: int) -> None:
    one = container("app", [Port(80, "tcp", bound, 8080)])
    made_of = made(one, ip="fd00::1").instances.values()
    assert [i.address for i in made_of] == ["[fd00::1]:8080"] * found


def test_a_local_port_does_not_take_the_alias() -> None:
    admin = Port(9000, host_ip="127.0.0.1", host_port=9000)
    ports = [admin, Port(9090, host_ip="0.0.0.0", host_port=9090)]
    one = container("x", ports, env={"SERVICE_NAME": "app"})
    assert names(one) == {"h1:c0:9090": ("app-9090", "app")}


def test_an_unpublished_port_is_no_service() -> None:
    assert names(container(ports=[Port(80), WEB[1]])) == {"h1:c0:443": ("nginx", "nginx-443")}


def test_host_network_registers_what_listens_or_is_named() -> None:
    one = container(ports=[Port(80)], network_mode="host", networks={"host": ""})
    assert names(one) == {}
    found = made(one, open_ports=[80]).instances["h1:c0:80"]
    assert (found.address, found.services, found.local) == (f"{IP}:80", ("nginx", "nginx-80"), {})
    silent = container(ports=[Port(80)], network_mode="host", env={"SERVICE_NAME": "web"})
    assert names(silent) == {"h1:c0:80": ("web", "web-80")}
    exporter = container(
        "node-exporter",
        ports=[],
        network_mode="host",
        labels={"SERVICE_9100_NAME": "metrics", "SERVICE_99999_NAME": "none"},
    )
    assert names(exporter) == {"h1:c0:9100": ("metrics",)}


def test_a_silent_port_keeps_its_id() -> None:
    one = container(ports=[Port(80), Port(443)], network_mode="host", env={"SERVICE_ID": "x"})
    assert set(names(one, open_ports=[443])) == {"h1:c0:443"}
    assert set(names(one, open_ports=[80, 443])) == {"x", "h1:c0:443"}


def test_arpanets_own_containers_are_services_only_where_they_say_so() -> None:
    part = {"arpanet.part": "etcd"}
    own = container("etcd", labels=part, env={"SERVICE_80_NAME": "arpanet_etcd"})
    assert names(own) == {"h1:c0:80": ("arpanet_etcd",)}
    assert names(container(labels=part)) == {}


def test_a_name_that_cannot_be_a_key_is_mended() -> None:
    one = container(ports=WEB[:1], env={"SERVICE_NAME": "team/web app"})
    assert names(one) == {"h1:c0:80": ("team-web-app", "team-web-app-80")}
    assert said(one) == ["the service name 'team/web app' cannot be a key, 'team-web-app' is used"]
