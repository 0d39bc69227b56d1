"""What each role was last started with is remembered."""

import pytest

from arpanet.settings import CORE, Settings, Source, applied

GIVEN = {"HOSTNAME": Source("h1", "environment"), "ARPANET_LOG": Source("json", "~/.arpanetrc:3")}
SETTINGS = Settings(CORE, GIVEN)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_written_read_forgotten():
    assert applied.read() == {}
    applied.write("slave", SETTINGS)
    applied.write("master", Settings(CORE, {}))
    assert applied.read() == {"slave": GIVEN, "master": {}}
    assert applied.path().stat().st_mode & 0o777 == 0o600
    applied.forget("slave")
    applied.forget("slave")
    assert applied.read() == {"master": {}}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"slave": 1}', '{"slave": {"A": ["b"]}}', "[[[["])
def test_a_file_that_makes_no_sense_is_none(text, caplog):
    applied.write("slave", SETTINGS)
    applied.path().write_text(text)
    assert applied.read() == {}
    assert "does not say what was started" in caplog.text
    applied.write("slave", SETTINGS)
    assert applied.read() == {"slave": GIVEN}


def test_one_that_others_may_write_is_none(caplog):
    applied.write("slave", SETTINGS)
    applied.path().chmod(0o666)
    assert applied.read() == {}
    assert "may be written by others" in caplog.text


def test_a_start_does_not_fail_where_it_cannot_be_remembered(home, caplog):
    (home / ".local").write_text("in the way")
    applied.write("slave", SETTINGS)
    assert "what was started can't be remembered" in caplog.text


def test_what_cannot_be_written_leaves_nothing_behind(caplog):
    applied.path().mkdir(parents=True)
    applied.write("slave", SETTINGS)
    assert "what was started can't be remembered" in caplog.text
    assert list(applied.path().parent.iterdir()) == [applied.path()]


OPTION, FILE, ENVIRONMENT = (Source(o, o) for o in ("option", "~/.arpanetrc:1", "environment"))


@pytest.mark.parametrize(
    ("before", "now", "then"),
    [
        (ENVIRONMENT, None, ENVIRONMENT),
        (OPTION, None, OPTION),
        (FILE, None, None),  # a line that was removed
        (ENVIRONMENT, FILE, FILE),
        (OPTION, FILE, OPTION),
        (OPTION, ENVIRONMENT, OPTION),
        (ENVIRONMENT, Source("new", "environment"), Source("new", "environment")),
        (OPTION, Source("new", "option"), Source("new", "option")),
        (FILE, ENVIRONMENT, ENVIRONMENT),
    ],
)
def test_what_a_repeated_start_goes_by(before, now, then):
    settings = Settings(CORE, {"HOSTNAME": now} if now else {})
    assert settings.repeating({"HOSTNAME": before}).given().get("HOSTNAME") == then
