"""What hooks get to work with."""

import pluggy
import pytest

from arpanet import __version__, hookimpl, hookspecs
from arpanet.context import Context
from arpanet.errors import SettingsError
from arpanet.events import Bus
from arpanet.registry import MemoryRegistry
from arpanet.settings import CORE, Settings, Source
from arpanet.vault import MemoryVault


class Plugin:
    def __init__(self):
        self.answers, self.heard = MemoryRegistry(), []
        self.kept = MemoryVault()

    @hookimpl
    def arpanet_registry(self, context):
        return self.answers

    @hookimpl
    def arpanet_vault(self, context):
        return self.kept

    @hookimpl
    def arpanet_slave_start(self, context):
        self.heard.append(context)


def context(*plugins, **given):
    manager = pluggy.PluginManager("arpanet")
    manager.add_hookspecs(hookspecs)
    for plugin in plugins:
        manager.register(plugin)
    texts = {"HOSTNAME": "h1", "ARPANET_IP": "10.0.0.1", **given}
    settings = Settings(CORE, {name: Source(text, "option") for name, text in texts.items()})
    return Context(settings, Bus(manager), lambda line: None)


def test_the_registry_is_the_plugins_and_is_closed_once():
    plugin = Plugin()
    subject = context(plugin)
    assert subject.registry is subject.registry is plugin.answers
    closed = []
    plugin.answers.close = lambda: closed.append(1)
    subject.close()
    subject.close()
    assert closed == [1]


def test_a_registry_of_this_process_needs_no_plugin():
    subject = context(ARPANET_REGISTRY="memory://")
    assert isinstance(subject.registry, MemoryRegistry)


def test_a_registry_that_nobody_knows():
    with pytest.raises(SettingsError, match="ARPANET_REGISTRY=consul://"):
        _ = context(ARPANET_REGISTRY="consul://x").registry


def test_the_vault_is_the_plugins_and_is_closed_once(monkeypatch):
    plugin, closed = Plugin(), []
    subject = context(plugin)
    assert subject.vault is subject.vault is plugin.kept
    monkeypatch.setattr(plugin.kept, "close", lambda: closed.append(1))
    subject.close()
    subject.close()
    assert closed == [1]
    assert isinstance(context(ARPANET_REGISTRY="memory://").vault, MemoryVault)
    with pytest.raises(
        SettingsError, match="ARPANET_REGISTRY=consul://x: no plugin keeps more than"
    ):
        _ = context(ARPANET_REGISTRY="consul://x").vault


def test_events_carry_the_context():
    plugin = Plugin()
    subject = context(plugin)
    subject.emit("slave.start")
    assert plugin.heard == [subject]


def test_the_hosts_record():
    subject = context()
    subject.engine = type("Engine", (), {"id": "engine-1", "close": lambda self: None})()
    host = subject.host("slave", "master")
    assert (host.name, host.address, host.engine) == ("h1", "10.0.0.1", "engine-1")
    assert (host.roles, host.version) == (("slave", "master"), __version__)


def test_new_settings_replace_what_was_built_from_the_old():
    subject = context(Plugin(), ARPANET_REGISTRY="memory://")
    before = subject.registry
    subject.adopt(context(HOSTNAME="h2").settings)
    assert subject.registry is not before
