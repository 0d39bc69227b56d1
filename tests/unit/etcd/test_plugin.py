"""What the plugin does beside its rooms."""

import pytest
from arpanet_etcd.masters import mark
from arpanet_etcd.plugin import EtcdPlugin

from arpanet import ArpanetError, RegistryError, hookimpl


class Identity:
    """Lets this host in, or not."""

    lets_in = False

    @hookimpl
    def arpanet_host_join(self) -> None:
        if not self.lets_in:
            raise ArpanetError("no")


def test_a_host_that_was_let_in_begins_no_cluster_of_its_own(arpanet_context, tmp_path):
    identity = Identity()
    context = arpanet_context(
        EtcdPlugin(), identity, ARPANET_IDENTITY=str(tmp_path), ARPANET_REGISTRY="etcd://"
    )
    with pytest.raises(ArpanetError, match="no"):
        context.emit("host.join", place="10.0.0.1:7002", token="t")
    mark.refuse_anew(context.settings)
    identity.lets_in = True
    context.emit("host.join", place="10.0.0.1", token="t")
    with pytest.raises(RegistryError, match=r"is of a cluster, .*join with --peers 10.0.0.1:7001"):
        mark.refuse_anew(context.settings)
    mark.forget(context.settings)
    context.emit("host.join", place="", token="")  # a bundle that does not say where it was made
    with pytest.raises(RegistryError, match="--peers <another master>:7001"):
        mark.refuse_anew(context.settings)
