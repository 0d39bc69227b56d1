"""The drills that there are."""

import random
from collections.abc import Sequence

from arpanet import UsageError
from arpanet_lab.clocks import POSSIBLE
from arpanet_lab.drills import clocks, doings, etcd, faults
from arpanet_lab.drills.drill import NEVER, Drill, Promise

__all__ = ["DRILLS", "chosen", "ordered"]

#: A change is known to all after a round trip of the masters' or two.
_LATE = Promise(avoided=2.0)
_DEAF = Promise(avoided=NEVER)
_APART = Promise(frozenset({"host1"}), 1.0, NEVER)
#: The host that has nothing but an instance of each service.
_SERVER = frozenset({"host2"})

_CLOCKS = (
    Drill(
        "clock-ahead",
        "the clock of a host with a server is put forward by an hour, and back",
        *(8, 30, clocks.ahead),
    ),
    Drill(
        "clock-behind",
        "the clock of a host with a server is put back by an hour, and forward",
        *(8, 30, clocks.behind),
    ),
    Drill(
        "clock-of-leader",
        "the clock of the masters' leader is put forward by an hour, and back",
        *(8, 30, clocks.leader_ahead),
    ),
)

#: All that this machine can hold.
DRILLS = (
    Drill(
        "agents-killed",
        "the agents of all hosts are killed with -9, again and again",
        *(12, 60, faults.agents_killed, _DEAF),
    ),
    Drill(
        "registrators-frozen",
        "the registrators of all hosts are frozen",
        *(12, 30, faults.registrators_frozen, _DEAF),
    ),
    Drill("disk-full", "the disk of a server's host is full", 12, 30, faults.disk_full),
    Drill(
        "masters-disks-full",
        "the disks of two of three masters are full",
        *(12, 30, faults.masters_disks_full, _DEAF),
    ),
    Drill("masters-killed", "all masters are killed", 8, 30, etcd.masters_killed, _DEAF),
    Drill("wiped", "all masters lose all they know; formed anew", 4, 30, etcd.wiped, _DEAF),
    Drill("restored", "all masters are restored from a snapshot", 4, 30, etcd.restored, _DEAF),
    Drill(
        "rolled-back",
        "all masters get their disks of before",
        4,
        30,
        etcd.rolled_back,
        _DEAF,
    ),
    Drill("second-cluster", "a second cluster among the masters", 8, 30, etcd.second_cluster),
    Drill("no-space", "the masters refuse what needs space", 6, 30, etcd.no_space),
    Drill("leader-frozen", "the masters' leader is frozen, and back", 10, 20, etcd.leader_frozen),
    Drill("quorum-lost", "two of three masters are frozen", 10, 60, etcd.quorum_lost, _DEAF),
    Drill(
        "partition",
        "a host with servers, clients and a master is cut off",
        *(22, 40, faults.cut_off, _APART),
    ),
    Drill(
        "partition-one-way",
        "a host with servers, clients and a master hears nobody, and is heard",
        *(22, 40, faults.deafened, _APART),
    ),
    Drill(
        "partition-mute",
        "a host with servers, clients and a master hears all, and nobody hears it",
        *(22, 40, faults.muted, _APART),
    ),
    Drill(
        "lossy",
        "a tenth of what a host says and hears is lost",
        *(20, 40, faults.lossy, Promise(share=0.01, avoided=NEVER)),
    ),
    Drill("slow", "all that a host says and hears is late", 12, 30, faults.slow, _LATE),
    Drill(
        "slow-masters",
        "what masters say to each other is late",
        *(12, 30, faults.slow_masters, _LATE),
    ),
    Drill(
        "compacted",
        "a clients' host is cut off from the masters, which compact",
        *(12, 30, etcd.compacted_meanwhile, _DEAF),
    ),
    Drill(
        "power-cut",
        "a server's host loses its power, and gets it back",
        *(8, 40, faults.power_cut, Promise(_SERVER, 1.0, NEVER), False),
    ),
    Drill(
        "docker-stopped",
        "Docker is stopped on a server's host, and started",
        *(8, 30, faults.docker_stopped, Promise(_SERVER, 1.0, NEVER), False),
    ),
    Drill(
        "docker-outlived",
        "Docker is stopped on a server's host with live-restore, and started",
        *(8, 30, faults.docker_outlived, Promise(found=1.0, avoided=NEVER), False),
    ),
    Drill(
        "storm",
        "200 services begin on a server's host as fast as it goes, and end",
        *(12, 60, faults.storm, _DEAF),
    ),
    Drill(
        "paused",
        "an instance is paused, and goes on",
        *(8, 30, faults.paused, Promise(_SERVER, 1.0)),
    ),
    Drill("drained", "an instance is drained by hand, and back", 8, 30, faults.drained),
    Drill(
        "stopped",
        "an instance is stopped, and started",
        *(8, 30, doings.stopped, Promise(_SERVER, 1.0)),
    ),
    Drill("spoilt", "containers with 10,000 names run beside the instances", 8, 30, doings.spoilt),
    Drill(
        "agents-replaced",
        "the agents of all hosts begin anew with another setting, twice",
        *(8, 30, doings.agents_replaced),
    ),
    *(_CLOCKS if POSSIBLE else ()),
)


def chosen(names: list[str]) -> list[Drill]:
    """Return the drills of these names; without any, all.

    :raises UsageError: there is none of a name.
    """
    known = {drill.name: drill for drill in DRILLS}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no drill {name}", f"there are {' '.join(known)}")
    return [known[name] for name in names] or list(DRILLS)


def ordered(drills: Sequence[Drill], repeat: int = 1, seed: int | None = None) -> list[Drill]:
    """Return *drills*, each *repeat* times; with a *seed*, in an order by chance.

    :raises UsageError: that would be none.
    """
    if repeat < 1:
        raise UsageError(f"--repeat {repeat}: nothing is held", "give 1 or more")
    found = [*drills] * repeat
    if seed is not None:
        random.Random(seed).shuffle(found)  # noqa: S311
    return found
