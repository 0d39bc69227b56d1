"""Endpoints that fail in every way: the others serve, and the bad one is named."""

from contextlib import ExitStack

import pytest
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.registry.registry import open_registry
from arpanet_etcd.registry.v2.client import V2Client
from arpanet_etcd.registry.v3.store import V3Store

from arpanet.errors import RegistryError, RegistryUnreachable
from tests.services.etcd.cluster import etcd_version
from tests.services.etcd.hosts import H1, Reader, instances, unconfirmed
from tests.services.etcd.strangers import (
    answering,
    by_path,
    cut,
    hole,
    learner,
    serving,
    speaking,
    tls_only,
)

BAD = {
    "learner": (lambda: serving(by_path(learner)), "learner"),
    "404": (lambda: serving(answering(404, b"<html>nginx</html>")), "HTTP 404"),
    "401": (lambda: serving(answering(401, b"who are you?")), "HTTP 401"),
    "500": (lambda: serving(answering(500, b"oops")), "HTTP 500"),
    "502": (lambda: serving(answering(502, b"<html>bad gateway</html>")), "HTTP 502"),
    "redirect": (lambda: serving(answering(301, b"elsewhere")), "HTTP 301"),
    "html": (lambda: serving(answering(200, b"<html>Welcome</html>")), "HTTP 200 <html>"),
    "json": (lambda: serving(answering(200, b'{"ok": true}')), "HTTP 200"),
    "list": (lambda: serving(answering(200, b"[]")), "HTTP 200"),
    "deep": (lambda: serving(answering(200, b"[" * 100_000)), "HTTP 200"),
    "tls": (lambda: speaking(tls_only), ""),
    "tls, as Go says it": (
        lambda: serving(answering(400, b"Client sent an HTTP request to an HTTPS server.\n")),
        "TLS",
    ),
    "cut": (lambda: speaking(cut), ""),
    "hole": (hole, "timed out"),
    "slow": (lambda: serving(answering(200, b"{}", 3)), "timed out"),
    "closed": (lambda: ExitStack(), "refused"),
}


@pytest.fixture(params=BAD)
def bad(request):
    """The URL of an endpoint that is none, and what is said of it."""
    make, says = BAD[request.param]
    with make() as url:
        yield url if isinstance(url, str) else "http://127.0.0.1:1", says


@pytest.mark.parametrize("api", ["v3", "v2", "auto"])
def test_a_bad_one_is_passed_over(one_etcd, layout, bad, api):
    if api != "v3" and etcd_version() >= (3, 6):
        pytest.skip("etcd 3.6 has no v2")
    url, _ = bad
    registry = open_registry([url, *one_etcd.endpoints], layout.root.rstrip("/"), api)
    session = registry.session(H1)
    session.publish(instances(2))
    reader = Reader(registry)
    reader.sees(*instances(2))
    session.publish(instances(3))
    reader.sees(*instances(3))
    registry.withdraw("h1")
    registry.close()


def test_a_bad_one_is_named_and_asked_last_and_a_survey_names_all(one_etcd, bad):
    url, says = bad
    gateway = Gateway([url, *one_etcd.endpoints], timeout=0.5)
    assert gateway.get("/x") is None
    assert says in gateway.known.troubles[url]
    assert gateway.known.order() == [*one_etcd.endpoints, url]
    found = gateway.survey()
    assert found.keys() == {url}
    assert says in found[url]
    with gateway.watch("/x", "", 0):
        pass


@pytest.mark.parametrize("status", [200, 400])
def test_v2s_own_client_is_kept_from_what_is_too_deep(status):
    with serving(answering(status, b"[" * 100_000)) as url:
        client = V2Client([url])
        with pytest.raises(RegistryError, match="nested too deeply"):
            client.call("read", "/x")
        client.close()


def test_auto_comes_back_to_v3(one_etcd, layout, connect, monkeypatch):
    if etcd_version() >= (3, 6):
        pytest.skip("etcd 3.6 has no v2")
    connect(one_etcd).session(H1).publish(instances(2))
    Reader(connect(one_etcd)).sees(*instances(2))
    with serving(answering(404, b"nginx")) as url:
        registry = open_registry([url], layout.root.rstrip("/"), "auto")
        with pytest.raises(RegistryUnreachable, match="404"):
            registry.read()
        v3 = registry._store._stores[0]
        v3.gateway = V3Store(one_etcd.endpoints, layout).gateway
        assert len(registry.read().instances) == 2
    registry.close()


def test_one_cluster_is_kept_to_and_another_named(clusters, connect, layout):
    own, other = clusters(1), clusters(1)
    session = connect(own).session(H1)
    session.publish(instances(2))
    Reader(connect(own)).sees(*instances(2))
    store = V3Store((*own.endpoints, *other.endpoints), layout)
    assert len(store.listing().texts) == 3
    for _ in range(3):
        store.gateway.known.go_home()
        assert store.gateway.get("/x") is None
    found = store.gateway.survey()
    assert found.keys() == set(other.endpoints)
    assert "another cluster" in found[other.endpoints[0]]
    assert other.gateway.range(layout.root).kvs == {}
    # the own one is gone: the lone other one is not taken for it
    own.members[0].kill()
    with pytest.raises(RegistryUnreachable, match="another cluster"):
        store.listing()


def test_which_of_two_is_the_cluster_is_decided_by_most(clusters, layout):
    lone, most = clusters(1), clusters(2)
    for endpoints in ((*lone.endpoints, *most.endpoints), (*most.endpoints, *lone.endpoints)):
        store = V3Store(endpoints, layout)
        store.listing()
        assert store.gateway.survey().keys() == set(lone.endpoints)


def test_a_cluster_formed_anew_by_all_is_taken_and_nothing_lost(clusters, connect, layout):
    cluster = clusters(1)
    session = connect(cluster, ttl=3).session(H1)
    session.publish(instances(2))
    reader = Reader(connect(cluster))
    reader.sees(*instances(2))
    session.close()
    cluster.wipe(as_another=True)
    reader.sees(*unconfirmed(2))
    later = connect(cluster, ttl=3).session(H1)
    later.publish(instances(1))
    reader.sees(*instances(1))
