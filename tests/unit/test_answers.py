"""What hooks return: taken when it is right, named when it is not."""

import itertools
from types import SimpleNamespace

import pytest

from arpanet import answers
from arpanet.answers import checked
from arpanet.errors import PluginError
from arpanet.records import Formation, Link, Member, Status
from arpanet.registry import MemoryRegistry
from arpanet.settings import Setting, kinds

FINE = Status("x", "ok")


class Sly:
    def __repr__(self):
        raise ValueError


def test_what_is_right_is_taken_as_it_is():
    registry = MemoryRegistry()
    assert checked("arpanet_registry", registry) is registry
    assert checked("arpanet_status", [FINE]) == (FINE,)
    assert checked("arpanet_status", iter([FINE])) == (FINE,)
    assert checked("arpanet_settings", [Setting("A", kinds.text, "", "A.")])[0].name == "A"
    assert checked("arpanet_links", ()) == ()
    assert checked("arpanet_masters", [Member("m", "1", ())]) == (Member("m", "1", ()),)
    assert checked("arpanet_links", [Link("c", 1, "s", "d")]) == (Link("c", 1, "s", "d"),)
    assert checked("arpanet_master_meet", Formation(boot=True)) == Formation(boot=True)
    for hook in ("arpanet_status", "arpanet_registry", "arpanet_master_meet"):
        assert checked(hook, None) is None


@pytest.mark.parametrize(
    ("hook", "answer", "words"),
    [
        ("arpanet_master_meet", ("boot",), "returned ('boot',), not a Formation"),
        ("arpanet_settings", ["X"], "returned 'X' among its Settings"),
        ("arpanet_settings", Setting, "not a list of Setting"),
        ("arpanet_settings", [Setting("", kinds.text, "", "x")], "nothing parses"),
        ("arpanet_settings", [Setting("A", "text", "", "x")], "whose values nothing parses"),
        (
            "arpanet_settings",
            [Setting(3, kinds.text, "", "x")],
            "Setting.name = 3, which is no str",
        ),
        ("arpanet_status", "ok", "returned 'ok', not a list of Status"),
        ("arpanet_status", {"part": "x"}, "returned 'part' among its Statuss"),
        ("arpanet_status", [Status("x", "fine")], "the state 'fine', not one of ok, degraded"),
        ("arpanet_status", [Status("x", "ok", None)], "Status.detail = None, which is no str"),
        ("arpanet_status", [Sly()], "returned a Sly among its Statuss"),
        ("arpanet_status", ["x" * 999], "xxx... among its"),
        ("arpanet_links", [FINE], "among its Links"),
        ("arpanet_links", [Link("c", "80", "s", "d")], "Link.port = '80', which is no int"),
        ("arpanet_masters", 1, "returned 1, not a list of Member"),
        ("arpanet_registry", SimpleNamespace(read=print), "no follow, session, check, withdraw"),
        ("arpanet_containers_synced", (one for one in "x"), "of which nothing has run"),
    ],
)
def test_what_is_wrong_is_named(hook, answer, words):
    with pytest.raises(PluginError) as raised:
        checked(hook, answer)
    assert words in str(raised.value)
    assert len(str(raised.value)) < 200


def test_a_coroutine_that_nobody_awaits():
    async def hear(): ...

    with pytest.raises(PluginError, match="of which nothing has run"):
        checked("arpanet_agent_start", hear())


def test_an_answer_without_end(monkeypatch):
    monkeypatch.setattr(answers, "LIMIT", 10)
    with pytest.raises(PluginError, match="more than 10 of Status"):
        checked("arpanet_status", itertools.repeat(FINE))
