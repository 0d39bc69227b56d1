"""A plugin that stands in for etcd's: keeps who is let in, and notes whom it was told of."""

from arpanet import HOSTNAME, MemoryVault, RegistryError, hookimpl

__all__ = ["Admitting"]


class Admitting:
    """:ivar admitted: host -> role, for each time that it was told.

    :ivar restarted: the hosts that were to begin anew, in that order.
    :ivar sick: what keeps them from it.
    """

    def __init__(self):
        self.vault, self.admitted, self.restarted, self.sick = MemoryVault(), [], [], ""

    @hookimpl
    def arpanet_vault(self):
        return self.vault

    @hookimpl
    def arpanet_hosts_admitted(self, admissions):
        self.admitted.append({one.host: one.role for one in admissions})

    @hookimpl
    def arpanet_trust_changed(self, context):
        if self.sick:
            raise RegistryError(self.sick)
        self.restarted.append(context.settings[HOSTNAME])
