"""A supervisor and real processes: what it starts again, what it ends, what it lets through."""

import json
import os
import re
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import SLOW, wait_for

#: Begins as the agent's process does; the rest of it is the test's.
AGENT = """
import json, os, signal, subprocess, sys, threading, time
from arpanet.agent.box import Box
box, told = Box(int(sys.argv[-2])), json.loads(sys.argv[-1])
def beat():
    box.beat()
    with open("{pids}", "a") as file:
        print(os.getpid(), time.monotonic(), json.dumps(told), file=file)
{body}
"""
#: Ticks that a test can wait for.
SUPERVISOR = """
import ctypes, logging, os, sys
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: orphans come here, as to process 1
from arpanet.agent import deaths, supervisor
supervisor.TICK = 0.25
deaths.PATIENCE = {patience} or deaths.PATIENCE
logging.basicConfig(format="%(message)s", stream=sys.stderr)
sys.exit(supervisor.Supervisor([sys.executable, {script!r}], os.environ).run())
"""
WELL = "beat()\nwhile True: box.beat(); time.sleep(0.1)"


class Supervised:
    """A supervisor, and the agents that it has started."""

    def __init__(self, directory: Path, body: str, reader: bool, patience: int) -> None:
        self._pids = directory / "pids"
        self._pids.touch()
        script = directory / "agent.py"
        script.write_text(AGENT.format(pids=self._pids, body=body))
        self._words = (directory / "words").open("w+b")
        self.pipe, out = (None, self._words) if reader else os.pipe()
        code = SUPERVISOR.format(script=str(script), patience=patience)
        self.process = subprocess.Popen([sys.executable, "-c", code], stderr=out)
        if not reader:
            os.close(out)

    @property
    def agents(self) -> list[tuple[int, float, dict]]:
        lines = (line.split(" ", 2) for line in self._pids.read_text().splitlines())
        return [(int(pid), float(at), json.loads(told)) for pid, at, told in lines]

    @property
    def said(self) -> str:
        self._words.seek(0)
        return self._words.read().decode()

    def alive(self, pid: int) -> bool:
        try:
            return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
        except FileNotFoundError:
            return False

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            assert self.process.wait(15) == 0
        finally:
            self.process.kill()
            for pid, _, _ in self.agents:
                if self.alive(pid):
                    os.kill(pid, signal.SIGKILL)
            self._words.close()
            if self.pipe is not None:
                os.close(self.pipe)


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    started: list[Supervised] = []

    def start(body: str, reader: bool = True, patience: int = 0) -> Supervised:
        started.append(Supervised(tmp_path, body, reader, patience))
        return started[-1]

    yield start
    for one in started:
        one.end()


def test_one_that_is_killed_again_and_again_is_there_again_within_a_second(supervised):
    subject = supervised(WELL)
    for number in range(1, 9):
        wait_for(lambda number=number: len(subject.agents) == number)
        killed = time.monotonic()
        os.kill(subject.agents[-1][0], signal.SIGKILL)
        wait_for(lambda number=number: len(subject.agents) == number + 1)
        assert subject.agents[-1][1] - killed < 1.0 * SLOW
    # on a machine that is busy enough, one may die by itself, too
    assert subject.agents[-1][2]["deaths"] >= 8
    assert subject.agents[-1][2]["last"] == "killed by SIGKILL"
    assert subject.said.count("the agent ended: killed by SIGKILL; another in ") == 8


def test_where_none_can_be_started_it_is_tried_again(supervised):
    """As with too many processes, or no memory: what Docker does then comes later and later."""
    subject = supervised(WELL)
    ((pid, _, _),) = wait_for(lambda: subject.agents)
    limits = resource.prlimit(subject.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(subject.process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: "no agent can be started: [Errno 24] Too many open files" in subject.said)
    assert len(subject.agents) == 1
    resource.prlimit(subject.process.pid, resource.RLIMIT_NOFILE, limits)
    wait_for(lambda: len(subject.agents) == 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_both(supervised, number):
    subject = supervised(WELL)
    ((pid, _, _),) = wait_for(lambda: subject.agents)
    subject.process.send_signal(number)
    assert subject.process.wait(10) == 0
    assert not subject.alive(pid)
    assert len(subject.agents) == 1


def test_one_that_is_stopped_hears_of_the_end_all_the_same(supervised):
    subject = supervised(WELL)
    ((pid, _, _),) = wait_for(lambda: subject.agents)
    os.kill(pid, signal.SIGSTOP)
    subject.process.terminate()
    assert subject.process.wait(10) == 0
    assert not subject.alive(pid)


@pytest.mark.parametrize("how", ["time.sleep(600)", "os.kill(os.getpid(), signal.SIGSTOP)"])
def test_one_that_does_not_move_is_ended(supervised, how):
    subject = supervised(f"beat()\nif told['deaths'] == 0: {how}\n{WELL}", patience=4)
    wait_for(lambda: len({pid for pid, _, _ in subject.agents}) == 2, 20)
    assert "the agent ended: it was stuck and was ended" in subject.said


def test_a_plugin_that_ends_it_is_named_and_left_out(supervised):
    crash = 'beat()\nwith box.calling("hello", "arpanet_x"): os._exit(7)'
    subject = supervised(
        f"if not told['left_out']:\n    {crash.replace(chr(10), chr(10) + '    ')}\n{WELL}"
    )
    wait_for(lambda: len(subject.agents) >= 4)
    assert [told["deaths"] for _, _, told in subject.agents][:4] == [0, 1, 2, 3]
    (why,) = subject.agents[3][2]["left_out"].values()
    assert "the agent ended 3 times while it was in arpanet_x" in why
    assert "exit code 7, plugin hello in arpanet_x" in subject.said


def test_a_hundred_megabytes_are_cut_and_the_plugin_is_named(supervised):
    flood = 'for _ in range(1000): os.write(1, b"x" * 99_999 + b"\\n"); box.beat()'
    body = f'beat()\nwith box.calling("hello", "arpanet_x"):\n    {flood}\n{WELL}'
    subject = supervised(body)
    wait_for(lambda: len(subject.agents) == 2, 60)
    assert subject.agents[0][0] == subject.agents[1][0]  # it went on
    assert len(subject.said) < 1_200_000
    assert "too much output, some is left out: plugin hello in arpanet_x" in subject.said


def test_nobody_who_reads_its_words_stops_nothing(supervised):
    subject = supervised(f'beat()\nprint("x" * 500_000, flush=True)\n{WELL}', reader=False)
    wait_for(lambda: len(subject.agents) == 2)
    assert select.select([subject.pipe], [], [], 5)[0]


def test_what_it_inherits_is_reaped(supervised):
    orphan = (
        "subprocess.Popen(['sh', '-c', 'sleep 0.2 & echo $! >&2'], start_new_session=True).wait()"
    )
    subject = supervised(f"beat()\n{orphan}\n{WELL}")
    pid = int(wait_for(lambda: re.search(r"^(\d+)$", subject.said, re.MULTILINE))[1])
    wait_for(lambda: not Path(f"/proc/{pid}").exists())
