"""The command line of a host that is an environment."""

import os
import subprocess
import sys
from collections.abc import Mapping


def arpanet(given: Mapping[str, str], *argv: str, timeout: float) -> tuple[int, str, str]:
    """Run a command line with *given* in its environment; its exit code, and both outputs."""
    done = subprocess.run(
        [sys.executable, "-m", "arpanet", *argv],
        env={**os.environ, "ARPANET_TLS": "off", **given},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr
