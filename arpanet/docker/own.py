"""arpanet's own containers, running or not: which there are, stopping and removing them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arpanet.docker.client import Client
from arpanet.docker.specs import (
    ALWAYS,
    ONCE_LABEL,
    PART_LABEL,
    ROLE_LABEL,
    STOPPED,
    OwnContainer,
    state_volume,
)

__all__ = ["own", "remove_part", "roles", "stop_part", "sweep"]


def own(docker: Client, part: str | None = None) -> list[OwnContainer]:
    """Return arpanet's own containers, running or not, by name."""
    label = PART_LABEL if part is None else f"{PART_LABEL}={part}"
    inspected = (docker.inspect(one) for one in docker.listed(label))
    return sorted((_own(one) for one in inspected if one), key=lambda one: one.name)


def roles(docker: Client) -> set[str]:
    """Return what this host is: ``master``, ``slave``, both or neither.

    A part that was stopped does not count; one that an interrupted start was about to begin does.
    """
    alive = ("running", "restarting", "paused", "created")
    return {one.role for one in own(docker) if one.state in alive and one.role}


def stop_part(docker: Client, part: str) -> list[str]:
    """Stop what runs of *part*, or would run, without removing it; return the names.

    Docker starts it again no more, until it is ensured.
    """
    found = own(docker, part)
    # one that Docker has given up would be started again when there is a way
    running = [one for one in found if one.state in ("running", "restarting") or one.given_up]
    for one in running:
        docker.restart_policy(one.id, STOPPED)
        docker.stop(one.id)
    return [one.name for one in running]


def remove_part(docker: Client, part: str) -> list[str]:
    """Stop and remove all containers of *part*, and what its agent kept. Return the names.

    Other named volumes stay.
    """
    found = own(docker, part)
    for one in found:
        docker.stop(one.id)
        docker.remove(one.id)
    docker.remove_volume(state_volume(part))
    return [one.name for one in found]


def sweep(docker: Client) -> None:
    """Remove the one-shot containers of commands that were killed before they could."""
    for one in docker.listed(ONCE_LABEL):
        inspected = docker.inspect(one)
        owner = inspected and inspected["Config"]["Labels"][ONCE_LABEL]
        if owner and not _lives(owner):
            docker.remove(one)


def _lives(pid: str) -> bool:
    """Return whether a process still works: one that was killed and not reaped has no words."""
    try:
        return bool(Path("/proc", pid, "cmdline").read_bytes())
    except OSError:
        return False


def _own(inspected: Mapping[str, Any]) -> OwnContainer:
    config, state = inspected["Config"], inspected["State"]
    policy = inspected["HostConfig"].get("RestartPolicy", {}).get("Name")
    ended = state["Status"] == "exited" and policy == ALWAYS
    return OwnContainer(
        name=str(inspected["Name"]).lstrip("/"),
        part=config["Labels"][PART_LABEL],
        state=state["Status"],
        image=config["Image"],
        id=str(inspected["Id"]),
        started=state["StartedAt"],
        role=config["Labels"].get(ROLE_LABEL, ""),
        given_up=state.get("Error", "") if ended else "",
    )
