"""Make a node container be what its spec says; can be interrupted anywhere and simply run again.

A new container is created beside the old one, which is put back when the new one does not start:

    create NAME.new, rename the old to NAME.old, stop it, rename NAME.new to NAME, start, remove old

Every state that an interruption leaves behind is one that the next run begins from: a fitting
``NAME.new`` is used, and whatever else carries the part's label goes when the new one runs.
"""

import contextlib
import logging
import random
import time
from collections.abc import Mapping
from typing import Any

from arpanet.docker.client import Client
from arpanet.docker.own import own
from arpanet.docker.problems import Conflict
from arpanet.docker.specs import (
    ALWAYS,
    IMAGE_LABEL,
    PART_LABEL,
    SPEC_LABEL,
    ContainerSpec,
    OwnContainer,
    create_body,
)
from arpanet.errors import EngineError, EngineUnreachable, NameTaken

__all__ = ["ensure"]

log = logging.getLogger(__name__)

#: Seconds that a started container must stay up: a process that doesn't know a flag ends at once.
SETTLE = 1.0
#: Seconds between two looks meanwhile: each costs Docker and this process some milliseconds.
LOOK = 0.2
#: How often to look again when another arpanet works on the same container.
TRIES = 8

Json = Mapping[str, Any]


def ensure(docker: Client, spec: ContainerSpec, *, settle: bool = True) -> str:
    """Return what had to be done: ``created``, ``recreated``, ``started`` or ``unchanged``.

    :param settle: whether to wait until it has stayed up for a second.
    :raises NameTaken: a container of that name is not this part's; it was not touched.
    :raises EngineError: Docker refuses, or the container ends at once; the old one runs again.
    """
    for attempt in range(1, TRIES):
        try:
            return _ensure(docker, spec, SETTLE if settle else 0.0)
        except Conflict:
            # Two processes do the same job: random pauses let one of them get ahead
            time.sleep(random.uniform(0.05, 0.3) * attempt)  # noqa: S311
    return _ensure(docker, spec, SETTLE if settle else 0.0)


def _ensure(docker: Client, spec: ContainerSpec, settle: float) -> str:
    body = create_body(spec)
    now = docker.inspect(spec.name)
    if now is not None:
        _refuse_stranger(spec, now)
        if _fits(docker, now, body):
            outcome = _run(docker, spec, now, settle)
            _clear(docker, [one for one in own(docker, spec.part) if one.id != now["Id"]])
            return outcome
    fresh = _prepare(docker, spec, body)
    before = [one for one in own(docker, spec.part) if one.id != fresh]
    if [one.id for one in before if one.name == spec.name] != ([now["Id"]] if now else []):
        raise Conflict(f"container {spec.name} was replaced by somebody else just now")
    if now is not None:
        _clear(docker, [one for one in before if one.name == _aside(spec)])
        docker.rename(now["Id"], _aside(spec))
    try:
        for one in before:
            if one.state not in ("exited", "created", "dead"):
                docker.stop(one.id)
        docker.rename(fresh, spec.name)
        docker.start(spec.name)
        _settle(docker, spec.name, fresh, settle)
    except Conflict:
        raise
    except EngineError:
        _put_back(docker, spec, fresh, before, now)
        raise
    _clear(docker, before)
    return "recreated" if before else "created"


def _aside(spec: ContainerSpec) -> str:
    return f"{spec.name}.old"


def _refuse_stranger(spec: ContainerSpec, found: Json) -> None:
    part = _labels(found).get(PART_LABEL)
    if part is None:
        raise NameTaken(
            f"the name {spec.name} is taken by a container of image {found['Config']['Image']}",
            f"rename that one, or give arpanet's {spec.part} another name in ~/.arpanetrc",
        )
    if part != spec.part:
        raise NameTaken(
            f"the name {spec.name} is taken by arpanet's own {part}",
            "give each of them a name of its own in ~/.arpanetrc",
        )


def _labels(found: Json) -> Mapping[str, str]:
    return found["Config"].get("Labels") or {}


def _fits(docker: Client, found: Json, body: Json) -> bool:
    """Same spec, and the image's name still means the image that the container was made from."""
    labels = _labels(found)
    if labels.get(SPEC_LABEL) != body["Labels"][SPEC_LABEL]:
        return False
    # Not found["Image"]: what that is depends on how Docker stores images
    return docker.image_id(body["Image"]) in (None, labels.get(IMAGE_LABEL))


def _run(docker: Client, spec: ContainerSpec, found: Json, settle: float) -> str:
    state = found["State"]
    if found["HostConfig"]["RestartPolicy"]["Name"] != ALWAYS:  # it was stopped for good
        docker.restart_policy(found["Id"], ALWAYS)
    if state["Running"] and not state["Restarting"]:
        return "unchanged"
    if state["Restarting"]:  # counts as running with Docker, which would not start it
        docker.stop(found["Id"])
    docker.start(spec.name)
    _settle(docker, spec.name, found["Id"], settle)
    return "started"


def _prepare(docker: Client, spec: ContainerSpec, body: Json) -> str:
    """Return the id of a container that fits and doesn't bear the name yet."""
    name = f"{spec.name}.new"
    left = docker.inspect(name)
    if left is not None and PART_LABEL in _labels(left):
        if _fits(docker, left, body):
            return str(left["Id"])
        docker.remove(left["Id"])
    image = docker.image_id(body["Image"]) or ""
    return docker.create(name, {**body, "Labels": {**body["Labels"], IMAGE_LABEL: image}})


def _settle(docker: Client, name: str, container: str, seconds: float) -> None:
    """Wait until the container has stayed up for *seconds*."""
    end = time.monotonic() + seconds
    restarts, ended = None, False
    while True:
        over = time.monotonic() >= end
        found = docker.inspect(container)
        if found is None:
            raise Conflict(f"container {name} was removed while it started")
        state, count = found["State"], found.get("RestartCount", 0)
        runs = state["Running"] and not state["Restarting"]
        restarts = count if restarts is None else restarts
        ended = ended or not runs or count > restarts
        # of one that it has started again, Docker knows no exit code until the next end
        if ended and (over or not runs):
            code = "" if runs else f" (exit code {state['ExitCode']})"
            raise EngineError(
                f"container {name} ends at once{code}: {_last_words(docker, container)}"
            )
        if over:
            return
        time.sleep(LOOK)


def _last_words(docker: Client, container: str) -> str:
    lines = [line for line in docker.logs(container).splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it says nothing"


def _put_back(
    docker: Client, spec: ContainerSpec, fresh: str, before: list[OwnContainer], now: Json | None
) -> None:
    """Let what ran before run again, each step on its own: none may keep the next from being done.

    A new one that can't be removed (Docker calls it "dead", or its disk is busy) is stopped, and
    gives the name back: the next run removes it, or says why it can't.
    """
    try:
        docker.remove(fresh)
    except EngineError as problem:
        log.warning("%s; the one before runs again", problem)
        with contextlib.suppress(EngineError):
            docker.stop(fresh)
        with contextlib.suppress(EngineError):
            docker.rename(fresh, f"{spec.name}.new")
    if now is not None:
        with contextlib.suppress(EngineError):
            docker.rename(now["Id"], spec.name)
    for one in before:
        if one.state == "running":
            with contextlib.suppress(EngineError):
                docker.start(one.id)


def _clear(docker: Client, containers: list[OwnContainer]) -> None:
    """Remove what is left over; what counts runs already, so one that stays is only told."""
    for one in containers:
        try:
            docker.remove(one.id)
        except (Conflict, EngineUnreachable):
            raise
        except EngineError as problem:
            log.warning("%s; container %s is left over", problem, one.name)
