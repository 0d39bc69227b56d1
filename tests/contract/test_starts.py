"""What a start loads: each command and each agent's process pays for it anew."""

import subprocess
import sys

import pytest

#: What takes a while to load, and who needs nothing of it.
CONFIG = ("docker", "requests", "urllib3", "ssl", "cryptography", "asyncio", "rich", "packaging")
SUPERVISOR = ("cliff", "docker", "importlib.metadata", "arpanet.records", "ssl", "tempfile")
SUPERVISES = (
    "from arpanet.agent import supervisor; supervisor.Supervisor.run = lambda self: 0;"
    "supervisor.main('registrator', {})"
)


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("from arpanet.__main__ import main; main(['config'])", CONFIG),
        (SUPERVISES, SUPERVISOR),
    ],
    ids=["command", "supervisor"],
)
def test_a_start_loads_nothing_that_it_does_not_need(code, heavy, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    code += f"; import sys; sys.exit(' '.join(set({heavy}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == ""


def test_a_command_is_over_before_the_interpreter_looks_for_garbage(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    looks = "sum(one['collections'] for one in gc.get_stats())"
    code = f"import gc, sys; from arpanet.__main__ import main; before = {looks}"
    code += f"; main(['config']); sys.exit({looks} - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
