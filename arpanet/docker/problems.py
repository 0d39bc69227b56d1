"""Docker's failures as one line for a person; the only I/O is a look for an installed Docker."""

import contextlib
import errno
import http.client
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import docker.errors
import requests
import urllib3

from arpanet.docker.specs import NODE_DIRECTORY
from arpanet.errors import EngineError, EngineUnreachable

__all__ = [
    "DEFAULT_URL",
    "Conflict",
    "Gone",
    "Missing",
    "Silent",
    "answered",
    "check_progress",
    "refused",
    "timed_out",
    "translated",
    "unreachable",
]

DEFAULT_URL = "unix:///var/run/docker.sock"


class Missing(EngineError):
    """There is no such image, volume, network or file."""


class Conflict(EngineError):
    """The container was changed by somebody else at the same time: look again."""


class Gone(Conflict):
    """There is no such container."""


class Silent(EngineUnreachable):
    """Docker took the question and did not answer in time: it may answer others."""


@contextlib.contextmanager
def translated(what: str, url: str) -> Iterator[None]:
    """Turn whatever the SDK and what is below it raise into one of arpanet's errors.

    :param what: what is being done, as ``start container redis``.
    """
    try:
        yield
    except docker.errors.APIError as problem:
        status = problem.status_code or 500
        raise refused(what, status, problem.explanation or problem) from problem
    except (
        docker.errors.DockerException,
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        http.client.HTTPException,
        OSError,
    ) as problem:
        raise unreachable(what, url, problem) from problem


def answered(what: str, answer: requests.Response) -> EngineError:
    """Return the error for *answer*, which is one; see :func:`refused`."""
    try:
        words = answer.json()["message"]
    except (ValueError, KeyError, TypeError):
        words = answer.text
    return refused(what, answer.status_code, words)


def refused(what: str, status: int, explanation: object) -> EngineError:
    """Return the error for an answer of Docker's with HTTP *status* of 400 or above.

    :param what: what was being done, as ``start container redis``.
    """
    text = explanation.decode(errors="replace") if isinstance(explanation, bytes) else explanation
    line = " ".join(str(text or f"HTTP status {status}").split())
    hint = ""
    if "no space left on device" in line.lower():
        hint = "free some space where Docker keeps its data"
    kind = EngineError
    if status == 404:  # may also speak of an image or a network
        kind = Gone if "no such container" in line.lower() else Missing
    elif status == 409:
        kind = Conflict
    return kind(f"Docker cannot {what}: {line}", hint)


def check_progress(what: str, report: Mapping[str, Any]) -> None:
    """Refuse a report of what takes long: Docker has said 200 before it begins.

    :raises EngineError: it tells of a failure.
    """
    if problem := report.get("error"):
        raise refused(what, 500, problem)


def unreachable(what: str, url: str, problem: BaseException) -> EngineUnreachable:
    """Return the error for a Docker that could not be asked.

    :param url: ``DOCKER_HOST``, or the default.
    """
    causes = list(_causes(problem))
    code = next((one.errno for one in causes if isinstance(one, OSError) and one.errno), 0)
    place = url.removeprefix("unix://")
    if code in (errno.EACCES, errno.EPERM):
        return EngineUnreachable(
            f"no permission to talk to Docker at {place}",
            "run with sudo, or add yourself to the group 'docker'",
        )
    if timed_out(problem):
        return Silent(f"Docker at {place} did not answer in time ({what})")
    if url.startswith(f"unix://{NODE_DIRECTORY}/"):  # in a node container: there is a Docker
        return EngineUnreachable("Docker does not answer", "does it run on this host?")
    if url != DEFAULT_URL:
        reason = " ".join(str(causes[-1]).split())
        return EngineUnreachable(
            f"Docker at {place} cannot be reached: {reason}", "is DOCKER_HOST right?"
        )
    if not shutil.which("dockerd", path="/usr/bin:/usr/local/bin:/usr/sbin:/sbin:/snap/bin"):
        return EngineUnreachable("Docker is not installed here", "run 'arpanet install core'")
    return EngineUnreachable(
        f"Docker does not run: nobody answers at {place}", "start it: systemctl start docker"
    )


def timed_out(problem: BaseException) -> bool:
    """Return whether a time limit is among the causes."""
    return any("Timeout" in type(one).__name__ for one in _causes(problem))


def _causes(problem: BaseException | None) -> Iterator[BaseException]:
    """Yield *problem* and what it wraps: requests and urllib3 keep their causes in ``args``."""
    seen: list[BaseException] = []
    todo = [problem]
    while todo:
        one = todo.pop(0)
        if one is None or one in seen:
            continue
        seen.append(one)
        yield one
        todo += [arg for arg in one.args if isinstance(arg, BaseException)]
        todo += [getattr(one, "reason", None), one.__cause__, one.__context__]
        todo = [each for each in todo if isinstance(each, BaseException)]
