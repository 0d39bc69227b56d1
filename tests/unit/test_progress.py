"""What a person who waits sees, and what a pipe gets."""

import logging
import subprocess
import sys
import threading

import pytest

from arpanet import logs, progress
from arpanet.progress import Progress
from tests.conftest import wait_for


def test_a_pipe_gets_one_line_about_what_takes_long(capsys, monkeypatch):
    said = []
    with Progress(said.append)("quick"):
        assert said == []
    monkeypatch.setattr(progress, "PATIENCE", 0.02)
    with Progress(said.append)("pulling redis") as tell:
        tell("1 of 2 MB")
        wait_for(lambda: said)
    assert said == ["pulling redis"]
    assert capsys.readouterr().err == ""


def test_what_comes_after_it_is_said_after_it(monkeypatch):
    """The last line of a command that fails says why."""
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    said, begun, over = [], threading.Event(), threading.Event()

    def say(words):
        begun.set()
        over.wait(0.2)
        said.append(words)

    with Progress(say)("starting"):
        assert begun.wait(10)
    said.append("it cannot")
    over.set()
    wait_for(lambda: len(said) == 2)
    assert said == ["starting", "it cannot"]


def test_a_terminal_shows_how_far_it_is_and_nothing_is_left_of_it(show):
    said, terminal = [], show()
    showing = Progress(said.append)
    with showing("pulling [redis]") as tell:
        tell("1 of 2 MB")
        with showing("unpacking"):
            logging.getLogger("arpanet").info("a line")
    shown = terminal.getvalue()
    assert said == []
    for words in ("pulling [redis]: 1 of 2 MB", "unpacking", "a line\n"):
        assert words in shown
    assert "\x1b[2K" in shown.rpartition("unpacking")[2]  # the moving lines are wiped
    assert sys.stderr is terminal
    with showing("again"):
        pass
    assert "again" in terminal.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_command_that_answers_a_script_is_waited_for_on_a_terminal_only(
    show, arpanet, recorder, monkeypatch, terminal
):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    asked = []
    monkeypatch.setattr(recorder, "note", lambda *_: asked.append(1))
    shown = show() if terminal else None
    assert "8e9e" in arpanet("hosts").out
    assert shown is None or "asking the masters" in shown.getvalue()


def test_a_failure_leaves_the_terminal_as_it_was(show):
    terminal = show()
    with pytest.raises(KeyboardInterrupt), Progress(print)("waiting"):
        raise KeyboardInterrupt
    assert sys.stderr is terminal
    assert "\x1b[?25h" in terminal.getvalue()  # the cursor is shown again


@pytest.mark.parametrize("why", ["quiet", "dumb"])
def test_who_does_not_want_it_does_not_get_it(show, monkeypatch, why):
    terminal = show()
    if why == "quiet":
        logs.to_terminal(quiet=True)
    else:
        monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(progress, "PATIENCE", 0.02)
    said = threading.Event()
    with Progress(lambda words: (logging.getLogger("arpanet").info(words), said.set()))("waiting"):
        assert said.wait(10)
    assert terminal.getvalue() == ("" if why == "quiet" else "waiting\n")


def test_a_pipe_does_not_load_what_moves():
    code = "import sys, threading\nfrom arpanet import progress\nprogress.PATIENCE = 0.01\n"
    code += "said = threading.Event()\n"
    code += "with progress.Progress(lambda x: (print(x), said.set()))('x'): said.wait(50)\n"
    code += "sys.exit('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"x\n")
