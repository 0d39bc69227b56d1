"""When a token is looked into; what comes of it: test_plan, and with a real etcd the services."""

import pytest
from arpanet_etcd.masters import container, meeting
from arpanet_etcd.plugin import EtcdPlugin

from arpanet import Formation, RegistryUnreachable

NOWHERE = Formation(token="http://127.0.0.1:1/x")


@pytest.fixture
def context(arpanet_context, monkeypatch):
    """Make a host's, that holds this data."""
    monkeypatch.setattr(container, "preflight", lambda _: None)

    def context(data, tls):
        monkeypatch.setattr(container, "data", lambda _: data)
        return arpanet_context(EtcdPlugin(), ARPANET_TLS=tls)

    return context


def test_a_host_looks_into_it_that_has_certificates_and_no_data(context):
    assert meeting.meet(context(None, "off"), NOWHERE) is None
    assert meeting.meet(context("data", "on"), NOWHERE) is None
    with pytest.raises(RegistryUnreachable, match="the etcd of the token does not answer"):
        meeting.meet(context(None, "on"), NOWHERE)
