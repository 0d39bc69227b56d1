"""The bus: order, isolation, answers."""

import inspect
import logging
import re
import threading

import pluggy
import pytest

from arpanet import hookimpl, hookspec, hookspecs
from arpanet.errors import ArpanetError, SettingsError
from arpanet.events import EVENTS, TRACE, Bus, raise_failure
from arpanet.records import Status
from arpanet.registry import MemoryRegistry

#: The extension points that are asked, and never announced.
ASKED = {
    *("settings", "registry", "vault", "hosts_admitted", "trust_changed"),
    *("masters", "master_meet", "backends", "links", "status"),
}


ONE, TWO = Status("one", "ok"), Status("two", "down", "it died")


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


def bus(failed=None, strangers=(), **plugins):
    manager = pluggy.PluginManager("arpanet")
    manager.add_hookspecs(hookspecs)
    for name, plugin in plugins.items():
        manager.register(plugin, name)
    return Bus(manager, failed, strangers)


def test_every_hook_is_an_event_or_asked():
    hooks = {n for n, f in inspect.getmembers(hookspecs, inspect.isfunction) if n[:8] == "arpanet_"}
    assert hooks == set(EVENTS.values()) | {f"arpanet_{name}" for name in ASKED}


def test_an_event_reaches_everybody_with_the_arguments_they_want():
    one, two = Plugin(), Plugin()
    bus(one=one, two=two).emit("install", context=None, role="core")
    assert one.seen == two.seen == ["core"]


def test_whether_anybody_listens_is_known():
    assert bus(one=Plugin()).heard("install")
    assert not bus(one=Plugin()).heard("services.changed")


@pytest.mark.parametrize("problem", [ValueError("no"), ArpanetError("no"), SystemExit(3)])
def test_a_broken_plugin_stays_alone(problem, caplog):
    before, after = Plugin(), Plugin()
    subject = bus(before=before, broken=Plugin(problem), after=after)
    for _ in range(2):
        subject.emit("install", context=None, role="core")
    assert before.seen == after.seen == ["core", "core"]
    assert {name: one.count for name, one in subject.failures.items()} == {"broken": 2}
    assert subject.failures["broken"].place == "arpanet_install"
    assert "plugin broken: arpanet_install" in caplog.text
    # an error that speaks for itself needs no traceback, any other does
    assert bool(caplog.records[0].exc_info) is not isinstance(problem, ArpanetError)


def test_what_a_question_failed_in_is_over_once_it_is_answered():
    plugin = Plugin(ValueError())
    subject = bus(one=plugin)
    for answer, over in ((ValueError(), False), ([ONE], True), (ValueError(), False)):
        plugin.answer = answer
        subject.collect("arpanet_status", context=None)
        assert subject.failures["one"].over is over
    assert subject.failures["one"].count == 2


def test_what_an_event_failed_in_is_over_neither_with_the_next_nor_with_an_answer():
    plugin = Plugin(ValueError())
    subject = bus(one=plugin)
    subject.emit("install", context=None, role="core")
    plugin.answer = [ONE]
    subject.emit("install", context=None, role="core")
    subject.collect("arpanet_status", context=None)
    assert not subject.failures["one"].over


def test_who_must_know_of_a_failure_hears_it_once_all_were_asked(caplog):
    first, last = Plugin([ONE]), Plugin([TWO])
    subject = bus(one=last, broken=Plugin(ArpanetError("not now")), two=first)
    with pytest.raises(ArpanetError, match="not now"):
        subject.demand("arpanet_status", context=None)
    assert "plugin broken" in caplog.text
    assert subject.failures["broken"].count == 1
    assert bus(one=first).demand("arpanet_status", context=None) == [("one", (ONE,))]


def test_an_interrupt_is_nobodys_failure():
    with pytest.raises(KeyboardInterrupt):
        bus(one=Plugin(KeyboardInterrupt())).emit("install", context=None, role="core")


def test_collect_names_who_answered():
    subject = bus(
        one=Plugin([ONE]), silent=Plugin(None), broken=Plugin(ValueError()), two=Plugin([TWO])
    )
    assert subject.collect("arpanet_status", context=None) == [("two", (TWO,)), ("one", (ONE,))]


def test_first_stops_at_an_answer():
    kept = MemoryRegistry()
    last, first = Plugin(MemoryRegistry()), Plugin(kept)
    subject = bus(last=last, first=first, silent=Plugin(), broken=Plugin(ValueError()))
    assert subject.first("arpanet_registry", context=None) is kept
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


# -- strangers -----------------------------------------------------------------------------------


class Thread(Plugin):
    """Notes on which thread it is called."""

    def __init__(self, hold=None):
        super().__init__([ONE])
        self.hold, self.began, self.threads = hold, threading.Event(), []

    @hookimpl
    def arpanet_agent_stop(self):
        self.began.set()
        if self.hold:
            self.hold.wait(10)
        self.threads.append(threading.current_thread())
        self.seen.append("stop")

    @hookimpl
    def arpanet_status(self):
        self.threads.append(threading.current_thread())
        return self._reply()


def test_in_an_agent_a_stranger_that_hangs_holds_up_nobody():
    free = threading.Event()
    hung, builtin = Thread(free), Plugin()
    builtin.arpanet_agent_stop = hookimpl(lambda: builtin.seen.append("stop"))
    subject = bus(strangers=["hung"], hung=hung, builtin=builtin)
    beats = []
    subject.decide(post=None, beat=lambda: beats.append(1))
    subject._post = lambda call: call()
    subject.emit("agent.stop", context=None)
    subject.emit("agent.stop", context=None)
    assert (builtin.seen, hung.seen) == (["stop", "stop"], [])
    assert beats
    assert hung.began.wait(10)
    assert subject.workers()["hung"]["hook"] == "arpanet_agent_stop"
    assert subject.close(0.0) == ["hung"]
    free.set()
    assert subject.close(10) == []
    assert hung.seen == ["stop", "stop"]
    assert threading.current_thread() not in hung.threads


def test_on_the_command_line_a_stranger_is_waited_for_on_its_thread():
    stranger = Thread()
    subject = bus(strangers=["stranger"], stranger=stranger)
    assert subject.collect("arpanet_status", context=None) == [("stranger", (ONE,))]
    subject.emit("agent.stop", context=None)
    asked, told = stranger.threads
    assert asked is told is not threading.current_thread()


def test_on_the_command_line_a_stranger_that_hangs_is_left_behind_after_a_while(caplog):
    free = threading.Event()
    hung, last = Thread(free), Thread()
    subject = bus(strangers=["hung", "last"], last=last, hung=hung)
    subject.patience = 0.1
    subject.emit("agent.stop", context=None)
    subject.emit("agent.stop", context=None)
    assert (hung.seen, last.seen) == ([], ["stop", "stop"])
    assert [message.partition(";")[0] for message in caplog.messages] == [
        "plugin hung: arpanet_agent_stop: no answer within 0.1 s",
        "plugin hung: arpanet_agent_stop: not asked: it hangs in arpanet_agent_stop",
    ]
    free.set()
    assert subject.close(10) == []


def test_an_event_of_another_thread_is_announced_by_the_deciding_one():
    posted, plugin = [], Plugin()
    subject = bus(plugin=plugin)
    subject.decide(posted.append, lambda: None)
    other = threading.Thread(target=lambda: subject.emit("install", context=None, role="core"))
    other.start()
    other.join()
    assert plugin.seen == []
    (call,) = posted
    call()
    assert plugin.seen == ["core"]


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), GeneratorExit(), SystemExit(0)])
def test_nothing_that_a_stranger_raises_gets_out_of_its_thread(problem, caplog):
    subject = bus(strangers=["broken"], broken=Plugin(problem))
    assert subject.collect("arpanet_status", context=None) == []
    subject.decide(lambda call: None, lambda: None)
    subject.emit("install", context=None, role="core")
    assert subject.close(10) == []
    assert subject.failures["broken"].count == 2


@pytest.mark.parametrize("answer", ["ok", 3, [1], [Status("x", "fine")], [Status("x", 3)], b"x"])
def test_garbage_is_named_where_it_comes_back(answer, caplog):
    subject = bus(good=Plugin([ONE]), odd=Plugin(answer))
    assert subject.collect("arpanet_status", context=None) == [("good", (ONE,))]
    assert caplog.messages[0].startswith("plugin odd: arpanet_status: returned ")


def test_a_generator_is_gone_through_within_the_call(caplog):
    def lines():
        yield ONE
        raise ValueError("in the middle")

    subject = bus(good=Plugin(one for one in (TWO,)), odd=Plugin(lines()))
    assert subject.collect("arpanet_status", context=None) == [("good", (TWO,))]
    assert "plugin odd: arpanet_status" in caplog.text


def test_each_call_can_be_traced(caplog):
    caplog.set_level(logging.DEBUG, logger=TRACE.name)
    subject = bus(one=Plugin([ONE]), broken=Plugin(ValueError("no")))
    subject.collect("arpanet_status", context=None)
    told = [record.message for record in caplog.records if record.name == TRACE.name]
    assert told[0] == "arpanet_status -> broken: ValueError: no"
    assert re.fullmatch(r"arpanet_status -> one: \d+\.\d ms, 1 records", told[1])


class Greeter:
    """Has an event of its own, and hears of it."""

    def __init__(self):
        self.heard = []

    @hookspec
    def arpanet_greeter_greeted(self, name):
        """Somebody was greeted."""

    @hookimpl(specname="arpanet_greeter_greeted")
    def hear(self, name):
        self.heard.append(name)


def test_an_event_that_a_plugin_declared_can_be_announced():
    greeter = Greeter()
    manager = pluggy.PluginManager("arpanet")
    manager.add_hookspecs(hookspecs)
    manager.add_hookspecs(greeter)
    manager.register(greeter, "greeter")
    subject = Bus(manager)
    subject.emit("greeter.greeted", name="r0")
    assert greeter.heard == ["r0"]
    for unknown in ("greeter.gone", "status", "nobody.knows", "greeter"):
        with pytest.raises(KeyError):
            subject.emit(unknown, name="r0")
