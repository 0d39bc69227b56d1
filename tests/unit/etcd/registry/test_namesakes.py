"""Whether a name is taken by a living host."""

import pytest
from arpanet_etcd.registry.namesakes import living, refuse_another

from arpanet import Host, RegistryError, codec

HOST = Host("h1", "10.0.0.1", "engine-1")


def test_who_is_kept_alive_is_alive():
    assert living("h1", codec.encode(HOST), True) == HOST
    assert living("h1", codec.encode(HOST), False) is None
    assert living("h1", "no record", True) is None


def test_another_engine_of_the_name_is_refused():
    refuse_another(HOST, None)
    refuse_another(HOST, Host("h1", "10.0.0.9", "engine-1"))  # the same, moved
    with pytest.raises(RegistryError, match=r"h1.*10\.0\.0\.9"):
        refuse_another(HOST, Host("h1", "10.0.0.9", "engine-2"))
