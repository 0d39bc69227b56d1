"""Where a value comes from, what it may be, what a container must be told."""

from pathlib import Path

import pytest

from arpanet import hookimpl, hookspecs, kinds, settings
from arpanet.errors import SettingsError
from arpanet.events import Bus
from arpanet.host import addresses
from arpanet.settings import (
    ARPANET_IP,
    ARPANET_MASTERS,
    CORE,
    DOCKER_PORT,
    HOSTNAME,
    Setting,
    Settings,
    Source,
)


@pytest.fixture
def load(tmp_path):
    """Load the core's settings from an rc file, an environment and options."""

    def run(rc="", options=None, **environment):
        path = tmp_path / ".arpanetrc"
        path.write_text(rc)
        path.chmod(0o644)
        return settings.load(CORE, options, {"HOME": str(tmp_path), **environment})

    return run


def test_option_over_file_over_environment_over_default(load):
    rc = "# mine\nDOCKER_PORT=3"
    for loaded, value, origin in [
        (load(), 2376, "default"),
        (load(DOCKER_PORT="2"), 2, "environment"),
        (load(rc, DOCKER_PORT="2"), 3, "~/.arpanetrc:2"),
        (load(rc, {"DOCKER_PORT": "4"}, DOCKER_PORT="2"), 4, "option"),
    ]:
        assert loaded[DOCKER_PORT] == value
        assert loaded.source(DOCKER_PORT) == Source(str(value), origin)


def test_an_empty_value_is_not_set(load):
    assert load("DOCKER_PORT=", DOCKER_PORT="2")[DOCKER_PORT] == 2376


def test_no_rc_file_is_fine(tmp_path):
    assert settings.load(CORE, None, {"HOME": str(tmp_path)})[DOCKER_PORT] == 2376


@pytest.mark.parametrize(
    ("rc", "line"),
    [
        ("A=1\nDOCKER_PORT=x", "~/.arpanetrc:2: DOCKER_PORT='x' must be a port"),
        ("DOCKER_PORT=65536", "must be a port"),
        ("DOCKER_PORT=²", "must be a port"),
        ("ARPANET_IP=10.0.0", "ARPANET_IP='10.0.0' must be an IP address"),
        ("HOSTNAME=a/b", "must be a host name"),
        ("HOSTNAME=-a", "must be a host name"),
        ("ARPANET_MASTERS='a, b/c'", "'b/c' is none"),
        ("ARPANET_LOG=xml", "must be one of text, json"),
    ],
)
def test_a_value_that_makes_no_sense_names_its_place(load, rc, line):
    with pytest.raises(SettingsError) as caught:
        load(rc)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("10.0.0.1", ("10.0.0.1",)),
        (" 10.0.0.1, m2:4001,,[fd00::1]:4001 ", ("10.0.0.1", "m2:4001", "[fd00::1]:4001")),
    ],
)
def test_masters(load, text, parsed):
    assert load(ARPANET_MASTERS=text)[ARPANET_MASTERS] == parsed


def test_container_name():
    assert kinds.container_name("arpanet_etcd") == "arpanet_etcd"
    for bad in ("x", "-x", "a b", "a/b", ""):
        with pytest.raises(ValueError, match="must be a container name"):
            kinds.container_name(bad)


def test_switch():
    for text, parsed in (("yes", True), ("On", True), ("1", True), ("FALSE", False), ("no", False)):
        assert kinds.switch(text) is parsed
    with pytest.raises(ValueError, match="must be yes or no"):
        kinds.switch("maybe")


def test_directory():
    assert kinds.directory("/root/.arpanet") == Path("/root/.arpanet")
    for bad in ("", "here", "/", "/a:b", "~/x"):
        with pytest.raises(ValueError, match="must be an absolute path"):
            kinds.directory(bad)


def test_seconds():
    assert kinds.seconds(5)("60") == 60
    for bad in ("4", "-6", "5.5", "1e3", "", "9" * 7, "٦"):
        with pytest.raises(ValueError, match="must be a whole number of seconds, 5 or more"):
            kinds.seconds(5)(bad)


def test_found_defaults_are_looked_for_when_used(load, monkeypatch):
    def nowhere():
        raise SettingsError("no default route")

    monkeypatch.setattr(addresses, "default_address", nowhere)
    loaded = load()
    with pytest.raises(SettingsError, match="no default route"):
        loaded[ARPANET_MASTERS]
    monkeypatch.setattr(addresses, "default_address", lambda: "10.0.0.9")
    assert loaded[ARPANET_MASTERS] == ("10.0.0.9",)


def test_a_plugin_whose_setting_fails_is_told_and_ends_no_other(tmp_path, caplog):
    def fail(_):
        raise ZeroDivisionError("by nought")

    bad, worse = Setting("A_PARSED", fail, "", "."), Setting("A_FOUND", str, fail, ".")
    given = {"HOME": str(tmp_path), "HOSTNAME": "h1", "ARPANET_IP": "10.0.0.1"}
    loaded = settings.load([*CORE, bad, worse], None, given)
    for setting, words in ((bad, "A_PARSED=''"), (worse, "A_FOUND has no default")):
        with pytest.raises(SettingsError, match=words) as caught:
            loaded[setting]
        assert "failed with ZeroDivisionError: by nought" in str(caught.value)
        assert "ARPANET_PLUGINS_BLOCKED" in caught.value.hint
    assert "A_FOUND" not in loaded.environment()
    assert loaded.environment()["HOSTNAME"] == "h1"
    assert "A_FOUND has no default" in caplog.text
    with pytest.raises(SettingsError, match="environment: A_PARSED='7': the plugin"):
        settings.load([*CORE, bad], None, {**given, "A_PARSED": "7"})


def test_a_container_is_told_what_was_found_and_what_was_given(load, monkeypatch):
    monkeypatch.setattr(addresses, "default_address", lambda: "10.0.0.9")
    monkeypatch.setenv("HOME", "/home/me")
    told = load("HOSTNAME=h1\nDOCKER_PORT=3\nUNKNOWN=x").environment()
    assert told == {
        "HOSTNAME": "h1",
        "DOCKER_PORT": "3",
        "ARPANET_IP": "10.0.0.9",
        "ARPANET_MASTERS": "10.0.0.9",
        "ARPANET_IDENTITY": "/home/me/.arpanet",
    }
    assert settings.load(CORE, None, {"HOME": "/nonexistent", **told}).environment() == told


def test_equal_and_changed(load):
    one, same, other = load("HOSTNAME=a"), load(HOSTNAME="a"), load("HOSTNAME=b\nDOCKER_PORT=1")
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one.changes(other) == ["DOCKER_PORT", "HOSTNAME"]
    assert one.changes(same) == []


def test_two_declarations_of_one_name_are_refused():
    with pytest.raises(SettingsError, match="HOSTNAME is declared by two"):
        Settings([HOSTNAME, Setting("HOSTNAME", str, "", "")], {})


def test_a_plugin_cannot_take_over_anothers_setting(caplog):
    import pluggy

    theirs, own = Setting("DOCKER_PORT", str, "", ""), Setting("HELLO_FILE", str, "/x", "")

    class Plugin:
        @hookimpl
        def arpanet_settings(self):
            return [theirs, own]

    manager = pluggy.PluginManager("arpanet")
    manager.add_hookspecs(hookspecs)
    manager.register(Plugin(), "hello")
    declared = settings.declared(Bus(manager))
    assert declared == [*CORE, own]
    assert caplog.messages == ["plugin hello: setting DOCKER_PORT is another's already"]
    loaded = Settings(declared, {"DOCKER_PORT": Source("7", "option")})
    assert (loaded[theirs], loaded[DOCKER_PORT], loaded[own]) == ("7", 7, "/x")


def test_mapping(load):
    loaded = load(ARPANET_IP="fd00:0::1")
    assert loaded[ARPANET_IP] == "fd00::1"
    assert list(loaded) == list(CORE)
    assert len(loaded) == len(CORE)
    assert all(setting.help.endswith(".") for setting in loaded)


NAMES = [setting.name for setting in CORE]


@pytest.mark.parametrize(
    ("name", "origin", "words"),
    [
        ("ARPANET_MASTERZ", "environment", "environment: ARPANET_MASTERZ is no setting; did you"),
        ("ARPANET_MASTER", "~/.arpanetrc:3", "~/.arpanetrc:3: ARPANET_MASTER is no setting; did"),
        ("ARPANET_FROBNICATE", "~/.arpanetrc:1", "'arpanet config' lists them"),
        ("ARPANET_FROBNICATE", "environment", None),  # a plugin's, which is not installed here
        ("ARPANET_PREFIX", "environment", None),  # bootstrap.sh's
        ("HOSTNAM", "~/.arpanetrc:1", "did you mean HOSTNAME?"),
        ("HOSTNAM", "environment", None),
        ("DOCKER_HOST", "~/.arpanetrc:1", None),
        ("PATH", "~/.arpanetrc:1", None),
        ("HOSTNAME", "~/.arpanetrc:1", None),
    ],
)
def test_a_mistyped_name_is_told(name, origin, words):
    lines = list(settings.mistyped({name: Source("x", origin)}, NAMES))
    assert len(lines) == (words is not None)
    assert all(words in line for line in lines)


def test_a_mistyped_name_is_told_once_also_when_it_is_empty(load, caplog):
    for _ in range(2):
        load("ARPANET_MASTERSS=\n")
    assert caplog.messages == [
        "~/.arpanetrc:1: ARPANET_MASTERSS is no setting; did you mean ARPANET_MASTERS?"
    ]
