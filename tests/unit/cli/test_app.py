"""Words, formats and exit codes of the command line."""

import json
from pathlib import Path

import pytest

from arpanet.errors import EngineUnreachable, RegistryUnreachable
from arpanet.records import Formation


def test_no_argument_prints_the_help(arpanet):
    bare, asked = arpanet(), arpanet("--help")
    assert bare.code == asked.code == 0
    assert bare.out == asked.out
    for command in ("master start", "slave stop", "etcdctl", "hosts", "config"):
        assert f"  {command} " in bare.out
    for hidden in ("agent", "clear"):
        assert f"  {hidden} " not in bare.out


def test_version(arpanet):
    done = arpanet("--version")
    assert (done.code, done.out.split()[0]) == (0, "arpanet")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["instal", "core"], "'instal core' is not a command; did you mean install"),
        (["frobnicate"], "'frobnicate' is not a command"),
        (["install", "queen"], "invalid choice: 'queen'"),
        (["master", "start"], "how does this master find its cluster?; --peers boot"),
        (["master", "start", "--peers", "boot", "--token", "x"], "exclude each other"),
        (["master", "start", "--peers", ","], "names no peers"),
        (["master", "start", "--peers", "boot,1.2.3.4:7001"], "names no peers"),
        (["master", "start", "--token", " "], "--token is empty"),
        (["up", "--slave-only", "--peers", "boot"], "--slave-only excludes"),
        (["up", "--join", "10.0.0.1"], "argument --join: expected 2 arguments"),
        (["install", "slave", "--docker-tcp"], "goes with 'install core' only"),
        (["--set", "FOO=1", "config"], "--set FOO: there is no such setting"),
        (["--set", "FOO", "config"], "a setting is given as NAME=VALUE"),
    ],
)
def test_usage_errors(arpanet, recorder, argv, words):
    done = arpanet(*argv)
    assert done.code == 2
    assert words in done.err
    assert done.out == ""
    assert recorder.heard == []


@pytest.mark.parametrize(
    ("argv", "event"),
    [
        (["master", "start", "--peers", "boot"], ("master.start", Formation(boot=True))),
        (
            ["master", "start", "--peers", "10.0.0.1:7001, 10.0.0.2:7001"],
            ("master.start", Formation(peers=("10.0.0.1:7001", "10.0.0.2:7001"))),
        ),
        (
            ["master", "start", "--token", "http://x/y"],
            ("master.start", Formation(token="http://x/y")),
        ),
        (["master", "stop"], ("master.stop", False)),
        (["master", "stop", "--leave"], ("master.stop", True)),
        (["slave", "start"], ("slave.start", {})),
        (["slave", "stop"], ("slave.stop", None)),
        (["install", "slave"], ("install", "slave")),
    ],
)
def test_commands_announce_events(arpanet, recorder, argv, event):
    assert arpanet(*argv).code == 0
    assert recorder.heard == [event]


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (EngineUnreachable("no Docker", "start it"), 4),
        (RegistryUnreachable("no master"), 5),
        (ValueError("odd"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_a_failure_is_one_line_and_a_code(arpanet, recorder, problem, code):
    recorder.fails = problem
    done = arpanet("slave", "start")
    assert done.code == code
    assert len(done.err.splitlines()) == 1
    assert "Traceback" not in done.err
    if code != 130:
        assert str(problem) in done.err


def test_debug_shows_the_traceback(arpanet, recorder):
    recorder.fails = ValueError("odd")
    assert "Traceback" in arpanet("--debug", "slave", "start").err


def test_data_goes_to_stdout_in_every_format(arpanet):
    assert json.loads(arpanet("hosts").out)[0]["client_urls"] == ["http://10.0.0.1:4001"]
    row = json.loads(arpanet("services", "-f", "json").out)[0]
    assert (row["service"], row["address"]) == ("redis", "10.0.0.1:10000")
    assert "redis:6379" in arpanet("links").out
    assert "'?' is no service name" in arpanet("links", "-f", "csv").out
    assert "part: thing" in arpanet("status", "-f", "yaml").out
    assert json.loads(arpanet("plugins", "-f", "json").out)[0]["state"] == "ok"


def test_config_tells_where_values_come_from(arpanet, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("DOCKER_PORT", "1")
    (tmp_path / ".arpanetrc").write_text("# mine\nexport DOCKER_PORT=2\nARPANET_IP=10.0.0.9\n")
    (tmp_path / ".arpanetrc").chmod(0o600)
    rows = json.loads(arpanet("--set", "HOSTNAME=h9", "config", "-f", "json").out)
    found = {row["setting"]: (row["value"], row["from"]) for row in rows}
    assert found["DOCKER_PORT"] == ("2", "~/.arpanetrc:2")
    assert found["HOSTNAME"] == ("h9", "option")
    assert found["ARPANET_MASTERS"] == ("10.0.0.9", "default")


def test_an_edit_is_told_until_it_is_applied(arpanet, tmp_path: Path, monkeypatch):
    rc = tmp_path / ".arpanetrc"
    rc.write_text("ARPANET_IP=10.0.0.1\n")
    rc.chmod(0o600)
    monkeypatch.setenv("HOSTNAME", "h1")
    assert arpanet("slave", "start").code == 0
    monkeypatch.delenv("HOSTNAME")  # another shell
    assert arpanet("status").code == 0
    assert arpanet("config").err == ""
    rc.write_text("ARPANET_IP=10.0.0.2\n")
    words = "the slave was started with other values of ARPANET_IP: run 'arpanet slave start'"
    done = arpanet("status", "-f", "json")
    assert done.code == 1
    line = json.loads(done.out)[-1]
    assert (line["part"], line["state"]) == ("settings", "degraded")
    assert words in line["detail"]
    assert words in arpanet("config").err
    assert arpanet("slave", "start").code == 0
    assert arpanet("status").code == 0
    rc.write_text("ARPANET_IP=10.0.0.3\n")
    assert arpanet("slave", "stop").code == 0
    assert arpanet("status").code == 0  # nothing runs with other values


def test_a_mistyped_name_is_told(arpanet, monkeypatch):
    monkeypatch.setenv("ARPANET_MASTERZ", "10.0.0.1")
    assert "ARPANET_MASTERZ is no setting; did you mean ARPANET_MASTERS?" in arpanet("status").err


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("A=1\nDOCKER_PORT=x\n", 0o600, "~/.arpanetrc:2: DOCKER_PORT='x' must be a port"),
        ("A=1\n\nif true; then\n", 0o600, ".arpanetrc:3: only assignments"),
        ("A=1\n", 0o666, "may be written by others (mode 0666); run 'chmod go-w"),
    ],
)
def test_bad_rc_file(arpanet, recorder, tmp_path: Path, text, mode, words):
    (tmp_path / ".arpanetrc").write_text(text)
    (tmp_path / ".arpanetrc").chmod(mode)
    done = arpanet("slave", "start")
    assert done.code == 3
    assert words in done.err
    assert recorder.heard == []


def test_a_file_of_known_names_is_no_reason_for_a_word(arpanet, tmp_path):
    (tmp_path / ".arpanetrc").write_text("ARPANET_IP=10.0.0.1\nARPANET_MASTERSS=x\n")
    done = arpanet("config", "-f", "value", "-c", "setting")
    assert (
        done.err
        == "~/.arpanetrc:2: ARPANET_MASTERSS is no setting; did you mean ARPANET_MASTERS?\n"
    )
