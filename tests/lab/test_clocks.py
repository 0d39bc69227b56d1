"""A clock that is put forward and back in processes that run."""

import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from arpanet_lab.clocks import POSSIBLE, jumped

TELL = "import sys, time\nfor _ in sys.stdin: print(time.time(), time.monotonic(), flush=True)"


@contextmanager
def telling():
    """A process, below one of its own, that tells its times as often as it is asked."""
    program = ["sh", "-c", f"{sys.executable} -c '{TELL}'; true"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(program, **pipes) as process:

        def tell():
            process.stdin.write("\n")
            process.stdin.flush()
            wall, steady = map(float, process.stdout.readline().split())
            return wall - time.time(), steady - time.monotonic()

        yield process.pid, tell
        process.stdin.close()


@pytest.mark.skipif(not POSSIBLE, reason="the code is x86-64's")
@pytest.mark.parametrize("seconds", [3600, -3600])
def test_the_wall_jumps_and_nothing_else(seconds):
    with telling() as (root, tell), telling() as (_, other):
        assert tell() == pytest.approx((0, 0), abs=5)
        with jumped(root, seconds):
            assert tell() == pytest.approx((seconds, 0), abs=5)
            assert other() == pytest.approx((0, 0), abs=5)
        assert tell() == pytest.approx((0, 0), abs=5)
