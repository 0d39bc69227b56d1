"""What an agent leaves and the command line reads."""

import errno
from pathlib import Path

import pytest

from arpanet.agent import statusfile


class Engine:
    """Reads this host's files as if they were a container's."""

    def read_file(self, name, path):
        try:
            with open(path, "rb") as file:  # noqa: PTH123
                return file.read()
        except FileNotFoundError:
            return None


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(statusfile, "RUN", tmp_path / "run")
    return tmp_path / "run"


def test_the_last_state_is_read(run):
    for state in ({"instances": 1}, {"instances": 2, "trouble": "ü"}):
        statusfile.write("registrator", state)
        assert statusfile.read(Engine(), "arpanet_registrator", "registrator") == state
    assert [path.name for path in run.iterdir()] == ["registrator.json"]


@pytest.mark.parametrize("content", [None, "", "{", "[1]"])
def test_nothing_that_can_be_used(run, content):
    if content is not None:
        run.mkdir()
        (run / "x.json").write_text(content)
    assert statusfile.read(Engine(), "arpanet_registrator", "x") is None


def test_what_cannot_be_written_is_said_once_and_stops_nobody(run, monkeypatch, caplog):
    real = Path.replace

    def full(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    for _ in range(3):
        statusfile.write("x", {"a": 1})
    (line,) = caplog.messages
    assert line.startswith("'arpanet status' learns nothing new of x: ")
    assert "No space left on device" in line
    assert list(run.iterdir()) == []  # nothing half written is left
    monkeypatch.setattr(Path, "replace", real)
    statusfile.write("x", {"a": 2})
    assert statusfile.read(Engine(), "arpanet_x", "x") == {"a": 2}


def test_what_json_has_no_form_for_is_its_authors_mistake(run):
    with pytest.raises(TypeError):
        statusfile.write("x", {"a": object()})


def test_what_is_there_already_is_not_written_again(run):
    def number():
        return (run / "x.json").stat().st_ino

    statusfile.write("x", {"a": 1})
    first = number()
    statusfile.write("x", {"a": 1})
    assert number() == first
    statusfile.write("x", {"a": 2})
    assert statusfile.read(Engine(), "arpanet_x", "x") == {"a": 2}
    (run / "x.json").unlink()  # somebody cleans up
    statusfile.write("x", {"a": 2})
    assert statusfile.read(Engine(), "arpanet_x", "x") == {"a": 2}
