"""What a start loads: each command and each agent's process pays for it anew."""

import subprocess
import sys

import pytest

#: What takes a while to load, and who needs nothing of it.
CONFIG = ("docker", "requests", "urllib3", "ssl", "cryptography", "asyncio", "rich", "packaging")
SUPERVISOR = ("cliff", "docker", "importlib.metadata", "arpanet.records", "ssl", "tempfile")
#: And an ambassador that finds its programs in force, and no link on the proxy plane, and a
#: registrator that has no checks of its own to make.
AMBASSADOR = ("cliff", "cryptography", "elftools", "asyncio", "rich", "packaging", "http.server")
#: And a look at how this host and its links are.
DECIDES = (
    "arpanet.agent.loop",
    "arpanet_ambassador.links.plan",
    "arpanet_ambassador.links.declare",
)
LOOK = ("asyncio", "rich", "packaging", *DECIDES)
REGISTRATOR = ("cliff", "elftools", "asyncio", "rich", "packaging", "http.server")
AGENT = (
    "import arpanet; from arpanet.agent import process, loop; from arpanet import plugins, Engine;"
    "manager, _ = plugins.load({!r}); {}"
)
IDENTIFIES = (
    "import arpanet_registrator.publisher; from types import SimpleNamespace;"
    "context = SimpleNamespace(agent='registrator', settings={arpanet.ARPANET_TLS: False});"
    "manager.get_plugin('identity').arpanet_agent_start(context);"
    "import arpanet_identity.node"  # what commands start a master's agent with
)
LOOKS = (
    "from arpanet.cli import commands, data; from arpanet import node_status, plugins, Engine;"
    "plugins.load(); from arpanet_ambassador import nodes;"
    "from arpanet_ambassador.links import report; from arpanet_etcd.upkeep import status"
)
SUPERVISES = (
    "from arpanet.agent import supervisor; supervisor.Supervisor.run = lambda self: 0;"
    "supervisor.main('registrator', {})"
)


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("from arpanet.__main__ import main; main(['config'])", CONFIG),
        (LOOKS, LOOK),
        (SUPERVISES, SUPERVISOR),
        (AGENT.format("ambassador", "import arpanet_ambassador.ambassador"), AMBASSADOR),
        (AGENT.format("registrator", IDENTIFIES), REGISTRATOR),
    ],
    ids=["command", "look", "supervisor", "ambassador", "registrator"],
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


def test_entry_points_are_looked_up_once_and_kept_nowhere(tmp_path, monkeypatch):
    """cliff would have a cache of all of them below the home directory, and read it each time."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "unix:///no/such.sock")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    code = "from arpanet.__main__ import main; main(['slave', 'stop'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "Docker at /no/such.sock cannot be reached" in done.stderr
    assert list(tmp_path.iterdir()) == []
