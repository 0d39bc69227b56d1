"""The bus: order, isolation, answers."""

import inspect
import logging

import pluggy
import pytest

from arpanet import hookimpl, hookspecs
from arpanet.errors import ArpanetError, SettingsError
from arpanet.events import EVENTS, Bus, raise_failure

#: The extension points that are asked, and never announced.
ASKED = {"settings", "registry", "masters", "backends", "links", "status"}


class Plugin:
    def __init__(self, answer=None):
        self.answer, self.seen = answer, []

    @hookimpl
    def arpanet_install(self, role):
        self.seen.append(role)
        return self._reply()

    @hookimpl
    def arpanet_status(self):
        return self._reply()

    @hookimpl
    def arpanet_registry(self):
        self.seen.append("asked")
        return self._reply()

    def _reply(self):
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def bus(failed=None, **plugins):
    manager = pluggy.PluginManager("arpanet")
    manager.add_hookspecs(hookspecs)
    for name, plugin in plugins.items():
        manager.register(plugin, name)
    return Bus(manager, failed)


def test_every_hook_is_an_event_or_asked():
    hooks = {n for n, f in inspect.getmembers(hookspecs, inspect.isfunction) if n[:8] == "arpanet_"}
    assert hooks == set(EVENTS.values()) | {f"arpanet_{name}" for name in ASKED}


def test_an_event_reaches_everybody_with_the_arguments_they_want():
    one, two = Plugin(), Plugin()
    bus(one=one, two=two).emit("install", context=None, role="core")
    assert one.seen == two.seen == ["core"]


@pytest.mark.parametrize("problem", [ValueError("no"), ArpanetError("no"), SystemExit(3)])
def test_a_broken_plugin_stays_alone(problem, caplog):
    before, after = Plugin(), Plugin()
    subject = bus(before=before, broken=Plugin(problem), after=after)
    for _ in range(2):
        subject.emit("install", context=None, role="core")
    assert before.seen == after.seen == ["core", "core"]
    assert subject.failures == {"broken": 2}
    assert "plugin broken: arpanet_install" in caplog.text
    # an error that speaks for itself needs no traceback, any other does
    assert bool(caplog.records[0].exc_info) is not isinstance(problem, ArpanetError)


def test_an_interrupt_is_nobodys_failure():
    with pytest.raises(KeyboardInterrupt):
        bus(one=Plugin(KeyboardInterrupt())).emit("install", context=None, role="core")


def test_collect_names_who_answered():
    subject = bus(
        one=Plugin([1]), silent=Plugin(None), broken=Plugin(ValueError()), two=Plugin([2])
    )
    assert subject.collect("arpanet_status", context=None) == [("two", [2]), ("one", [1])]


def test_first_stops_at_an_answer():
    last, first = Plugin("last"), Plugin("first")
    subject = bus(last=last, first=first, silent=Plugin(), broken=Plugin(ValueError()))
    assert subject.first("arpanet_registry", context=None) == "first"
    assert (first.seen, last.seen) == (["asked"], [])
    assert bus(silent=Plugin()).first("arpanet_registry", context=None) is None


@pytest.mark.parametrize("payload", [{}, {"role": "core"}, {"context": 1, "role": 1, "more": 1}])
def test_a_wrong_payload_is_a_bug_here(payload):
    with pytest.raises(TypeError, match="arpanet_install takes"):
        bus().emit("install", **payload)


def test_an_unknown_event_is_refused():
    with pytest.raises(KeyError):
        bus().emit("instal", context=None, role="core")


def test_on_the_command_line_a_builtin_ends_the_command(caplog):
    problem, last = SettingsError("ARPANET_IP is not set"), Plugin()
    failed = raise_failure(frozenset({"etcd"}))
    with pytest.raises(SettingsError):
        bus(failed, last=last, etcd=Plugin(problem)).emit("install", context=None, role="core")
    assert last.seen == []
    bus(failed, last=last, other=Plugin(problem)).emit("install", context=None, role="core")
    assert last.seen == ["core"]
    (line,) = caplog.messages
    assert line == "plugin other: arpanet_install: SettingsError: ARPANET_IP is not set"
    assert not caplog.records[0].exc_info


def test_debug_shows_the_traceback_of_a_third_party(caplog):
    caplog.set_level(logging.DEBUG, logger="arpanet.events")
    failed = raise_failure(frozenset())
    bus(failed, other=Plugin(ValueError())).emit("install", context=None, role="core")
    assert [r.exc_info is not None for r in caplog.records if r.levelname == "ERROR"] == [True]
