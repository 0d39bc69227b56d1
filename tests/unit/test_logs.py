"""Whose words are heard, and in which form."""

import json
import logging

import pytest

from arpanet import logs


@pytest.fixture(autouse=True)
def levels_restored(monkeypatch):
    monkeypatch.setattr(logs, "_packages", lambda: {"arpanet", "arpanet_hello"})
    yield
    for name in ("arpanet", "arpanet_hello", "arpanet.trace"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.mark.parametrize(
    ("options", "heard"),
    [
        ({}, ["info", "error"]),
        ({"quiet": True}, ["error"]),
        ({"verbose": True}, ["debug", "info", "error"]),
    ],
)
def test_a_terminal(capsys, options, heard):
    logs.to_terminal(**options)
    log = logging.getLogger("arpanet_hello.plugin")
    for level in ("debug", "info", "error"):
        getattr(log, level)(level)
    logging.getLogger("urllib3").warning("retrying")
    assert capsys.readouterr().err.split() == heard


@pytest.mark.parametrize("set_up", [logs.to_terminal, lambda: logs.to_log("")])
def test_what_others_wrote_does_not_steer_the_terminal(capsys, set_up):
    set_up()
    logging.getLogger("arpanet").warning("host %s is gone\n\tsee there", "h1\x1b]0;x\x07\x9b")
    mark = "\N{REPLACEMENT CHARACTER}"
    assert f"host h1{mark}]0;x{mark}{mark} is gone\n\tsee there\n" in capsys.readouterr().err


def test_json_is_one_object_per_line_also_with_a_traceback(capsys):
    logs.to_log("json")
    try:
        raise ValueError("no")
    except ValueError:
        logging.getLogger("arpanet.x").exception("two\nlines")
    line, end = capsys.readouterr().err.split("\n")
    told = json.loads(line)
    assert (told["level"], told["part"], told["message"], end) == (
        "error",
        "arpanet.x",
        "two\nlines",
        "",
    )
    assert told["traceback"].endswith("ValueError: no")
    assert told["time"].endswith("Z")


def test_text(capsys):
    logs.to_log("text")
    logging.getLogger("arpanet").info("+ redis")
    assert capsys.readouterr().err.endswith(" INFO + redis\n")


@pytest.mark.parametrize(("trace", "heard"), [("off", []), ("hooks", ["call"])])
def test_an_agent_can_be_traced(capsys, trace, heard):
    logs.to_log("text", trace)
    logging.getLogger("arpanet.trace").debug("call")
    logging.getLogger("arpanet.x").debug("other")
    assert [line.split()[-1] for line in capsys.readouterr().err.splitlines()] == heard


def test_the_builtins_are_found_by_their_entry_points(monkeypatch):
    monkeypatch.undo()
    assert {"arpanet", "arpanet_etcd", "arpanet_registrator"} <= logs._packages()
