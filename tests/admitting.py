"""A plugin that stands in for etcd's: keeps who is let in, and notes whom it was told of."""

from arpanet import MemoryVault, hookimpl

__all__ = ["Admitting"]


class Admitting:
    """:ivar admitted: host -> role, for each time that it was told."""

    def __init__(self):
        self.vault, self.admitted = MemoryVault(), []

    @hookimpl
    def arpanet_vault(self):
        return self.vault

    @hookimpl
    def arpanet_hosts_admitted(self, admissions):
        self.admitted.append({one.host: one.role for one in admissions})
