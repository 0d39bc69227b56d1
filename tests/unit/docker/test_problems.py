"""Docker's failures as one line."""

import errno

import pytest

from arpanet.docker import problems
from arpanet.docker.problems import Conflict, Gone, Missing, refused, unreachable
from arpanet.errors import EngineError, ExitCode
from tests.support.stand_in import stand_in


def test_what_docker_says_becomes_one_line():
    problem = refused("start container x", 500, b"driver failed:\n  port is   allocated\n")
    assert type(problem) is EngineError
    assert str(problem) == "Docker cannot start container x: driver failed: port is allocated"


def test_no_room_has_a_hint():
    assert "free some space" in refused("import", 500, "write /x: no space left on device").hint


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (404, "No such container: x", Gone),
        (404, "No such image: x", Missing),
        (409, "Conflict. The name is in use", Conflict),
        (500, "", EngineError),
    ],
)
def test_kinds(status, text, kind):
    assert type(refused("do", status, text)) is kind


def wrapped(cause):
    """As requests and urllib3 do it: the cause is an argument of an argument."""
    return ConnectionError(RuntimeError("Connection aborted.", cause))


@pytest.mark.parametrize(
    ("url", "cause", "installed", "expected"),
    [
        (problems.DEFAULT_URL, FileNotFoundError(errno.ENOENT, ""), False, "not installed"),
        (problems.DEFAULT_URL, FileNotFoundError(errno.ENOENT, ""), True, "systemctl start"),
        (problems.DEFAULT_URL, PermissionError(errno.EACCES, ""), True, "group 'docker'"),
        (problems.DEFAULT_URL, ConnectionRefusedError(111, ""), True, "does not run"),
        ("tcp://h:1", ConnectionRefusedError(111, "refused"), True, "is DOCKER_HOST right?"),
        ("tcp://h:1", TimeoutError(), True, "did not answer in time"),
    ],
)
def test_a_docker_that_cannot_be_asked(monkeypatch, url, cause, installed, expected):
    stand_in(monkeypatch, problems, "shutil", which=lambda *_, **__: installed or None)
    problem = unreachable("list", url, wrapped(cause))
    assert problem.exit_code is ExitCode.ENGINE_UNREACHABLE
    assert expected in str(problem)
    assert "\n" not in str(problem)
