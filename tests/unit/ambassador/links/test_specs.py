"""What a declared value may be."""

import pytest
from arpanet_ambassador.links.specs import Endpoints, Foreign, Service, Srv, masters, parse

from arpanet.records import Host


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("redis", Service("redis")),
        (" redis ", Service("redis")),
        ("redis?", Service("redis")),
        ("redis-6379", Service("redis-6379")),
        ("my_app.v2", Service("my_app.v2")),
        ("redis?tag=master", Service("redis", (("tag", "master"),))),
        (
            "redis?tag=a&tag=b&zone=x%20y",
            Service("redis", (("tag", "a"), ("tag", "b"), ("zone", "x y"))),
        ),
        ("/arpanet/services/redis", Service("redis")),
        ("/arpanet/network/redis/", Service("redis")),
        ("/services/redis?tag=a", Service("redis", (("tag", "a"),))),
        ("etcd://10.0.0.1:4001/arpanet/network/redis", Service("redis")),
        ("etcd://10.0.0.1:4001/arpanet/services/redis?tag=a", Service("redis", (("tag", "a"),))),
        ("10.0.0.5:6379", Endpoints((("10.0.0.5", 6379),))),
        ("10.0.0.5:6379, 10.0.0.6:6380", Endpoints((("10.0.0.5", 6379), ("10.0.0.6", 6380)))),
        ("[FD00::0:1]:6379", Endpoints((("fd00::1", 6379),))),
        ("DB.example.com.:5432", Endpoints((("db.example.com", 5432),))),
        ("db:5432,10.0.0.5:5432", Endpoints((("db", 5432), ("10.0.0.5", 5432)))),
        ("_redis._tcp.example.com", Srv("_redis._tcp.example.com")),
        ("consul:redis", Foreign("consul", "consul:redis")),
        ("consul:redis?tag=a,b", Foreign("consul", "consul:redis?tag=a,b")),
        ("consul://10.0.0.1:8500/redis", Foreign("consul", "consul://10.0.0.1:8500/redis")),
        ("nomad-2:80web", Foreign("nomad-2", "nomad-2:80web")),
    ],
)
def test_good(text, spec):
    assert parse(text, frozenset({"10.0.0.1"})) == spec


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("red is", "neither a service name"),
        ("redis?tag", "selector"),
        ("10.0.0.5:0", "address with a port"),
        ("10.0.0.5:70000", "address with a port"),
        ("10.0.0.5:", "address with a port"),
        ("10.0.0.500:80", "neither an IP address nor a host name"),
        ("fd00::1:6379", "address with a port"),
        ("[10.0.0.1]:80", "not an address that can be dialled"),
        ("[zz]:80", "must be an address with a port"),
        ("127.0.0.1:80", "loopback"),
        ("[::ffff:127.0.0.1]:80", "loopback"),
        ("169.254.169.254:80", "link-local"),
        ("255.255.255.255:80", "not an address that can be dialled"),
        ("0.0.0.0:80", "not an address that can be dialled"),
        ("10.0.0.5:80,", "address with a port"),
        ("10.0.0.5:80,redis", "address with a port"),
        ("10.0.0.5:80?tag=x", "only a service"),
        ("consul:", "address with a port"),
        ("consul:red is", "address with a port"),
        ("db:70000,10.0.0.5:80", "address with a port"),
        ("db:80?tag=x", "only a service"),
        ("db.example.com:http", "address with a port"),
        ("etcd:redis", "address with a port"),
        ("10.0.0.1://x", "not a URL"),
        ("etcd://[10.0.0.1/services/x", "not a URL"),
        ("etcd://10.0.0.1:4001/redis", "must end in /services/<name>"),
        ("/arpanet/instances/redis", "must end in /services/<name>"),
        ("/services/", "must end in /services/<name>"),
        ("$(reboot)", "neither a service name"),
        ("redis; drop", "neither a service name"),
        ("a" * 300 + ":80", "neither an IP address"),
    ],
)
def test_bad(text, says):
    with pytest.raises(ValueError, match=says):
        parse(text, frozenset({"10.0.0.1"}))


@pytest.mark.parametrize("url", ["etcd://other:4001/prod/services/db", "etcd:///services/db"])
def test_the_registry_of_another_cluster_is_not_silently_taken_for_ours(url):
    with pytest.raises(ValueError, match=r"no master of this arpanet \(h1, h2\).* write 'db'"):
        parse(url, frozenset({"h2", "h1"}))


@pytest.mark.parametrize(
    "text", ["etcd://h1:4001/prod/services/db", "/prod/services/db", "/arpanet/x/services/db"]
)
def test_another_path_of_the_registry_is_not_silently_taken_for_ours(text):
    with pytest.raises(ValueError, match=r"services are below /arpanet/services.* write 'db'"):
        parse(text, frozenset({"h1"}), "/arpanet")
    assert parse("/arpanet/services/db", frozenset(), "/arpanet") == Service("db")
    assert parse("etcd://h1:4001/a/b/network/db", frozenset({"h1"}), "/a/b") == Service("db")


def test_what_masters_may_be_called():
    given = ("10.0.0.1", "M2:4001", "[fd00::3]:4001")
    hosts = [Host("Four", "10.0.0.4", roles=("slave", "master")), Host("five", "10.0.0.5")]
    assert masters(given, hosts) == {"10.0.0.1", "m2", "fd00::3", "four", "10.0.0.4"}
