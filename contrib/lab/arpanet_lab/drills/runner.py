"""Hold drills: a cluster of their own, load, the accident, what it cost."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from arpanet import UsageError
from arpanet_lab.cluster import configure, form
from arpanet_lab.drills.drill import Drill, Outcome, breaches
from arpanet_lab.drills.site import Site
from arpanet_lab.lab import Lab
from arpanet_lab.load.load import loaded

__all__ = ["COLUMNS", "DISK", "KEPT", "cluster", "hold", "prepare", "row", "told"]

log = logging.getLogger("arpanet.lab")

#: Megabytes of the disk of each host's Docker: one of them becomes full.
DISK = 3000
#: Seconds that entries of a silent host stay, in a rehearsal: what takes longer is more than that.
REHEARSAL_TTL = 5
#: Seconds between two new connections of a client, in a rehearsal: other work goes on beside it.
SPARSE = 0.05
#: Seconds of load before an accident, and after all is well again.
_BEFORE, _AFTER = 1.0, 1.0
#: What the last column says where nothing of the promise was broken.
KEPT = "kept"
COLUMNS = (
    *("drill", "new", "failed", "outage", "held", "broken", "avoided", "healed"),
    *("lost", "by hand", "promise"),
)


@contextmanager
def cluster(full: bool, name: str = "gameday", plane: str = "") -> Iterator[Site]:
    """Have a lab of its own, and on it what :func:`prepare` makes.

    :raises UsageError: a lab of this name runs already.
    """
    lab = Lab(name, bound=True)
    if lab.running:
        raise UsageError(
            f"lab {name} is up: one game day at a time", f"'arpanet lab down --name {name}' ends it"
        )
    lab.down()
    try:
        lab.up(3, disk=DISK)
        for image in ("redis", "busybox"):
            lab.load_image(image)
        yield prepare(lab, full, plane)
    finally:
        lab.down()


def prepare(lab: Lab, full: bool, plane: str = "") -> Site:
    """Make a cluster to hold drills on of bare hosts with the images redis and busybox.

    :param full: with the settings of everyday life.
    :param plane: of all links; ``""``: the best one on host1, nftables on host3. The proxy carries
        none by label or UDP.
    """
    lab.load_image("perl", ["host1", "host2"])
    settings = {} if full else {"ARPANET_TTL": str(REHEARSAL_TTL)}
    for host in lab.hosts:
        own = plane or ("nftables" if host.name == "host3" else "auto")
        configure([host], lab.hosts, ARPANET_PLANE=own, **settings)
    form(lab.hosts)
    site = Site(lab, forms=("link",) if plane == "proxy" else Site.forms)
    site.make()
    return site


def hold(site: Site, drill: Drill, full: bool = False) -> Outcome:
    """Hold one drill and return what it cost.

    :raises ArpanetError: all is not well again after it, whatever is done.
    """
    site.stops.clear()
    site.name()
    clients, mover = site.clients(), site.mover()
    if not full:
        clients = {key: replace(one, every=SPARSE) for key, one in clients.items()}
    half = (drill.full if full else drill.short) / 2
    before = site.registered()
    with loaded([*clients.values(), mover]) as load:
        time.sleep(_BEFORE)
        began = time.time()
        with drill.accident(site):
            time.sleep(half)
            if drill.moves:
                site.move()
            time.sleep(half)
        ended = time.monotonic()
        by_hand = site.heal()
        healed = time.monotonic() - ended
        time.sleep(_AFTER)
    return Outcome(
        drill,
        began,
        {key: load.figures[client] for key, client in clients.items()},
        load.figures[mover],
        tuple(site.stops),
        healed,
        by_hand,
        sorted(before - site.registered()),
    )


def told(
    site: Site,
    drill: Drill,
    full: bool,
    rules: Callable[[Site], list[str]] = lambda _: [],
) -> tuple[str | int, ...]:
    """Hold a drill, log what it has cost as soon as it is over, and return its :func:`row`.

    :param rules: asked afterwards for what does not hold, in words, which counts as broken, too.
    """
    log.info("%s: %s", drill.name, drill.what)
    outcome = hold(site, drill, full)
    found = row(outcome, rules(site))
    figures = zip(COLUMNS[1:], found[1:], strict=True)
    log.info("%s", ", ".join(f"{name} {one}" for name, one in figures))
    for client, one in outcome.clients.items():
        if one.failed:
            log.info("%s: %s", " by ".join(client), one)
    return found


def row(outcome: Outcome, more: Sequence[str] = ()) -> tuple[str | int, ...]:
    """Return a line of the table: see :data:`COLUMNS`; *more* is what was broken besides."""
    return (
        outcome.drill.name,
        outcome.dialled,
        outcome.failed,
        f"{outcome.outage:.1f} s",
        outcome.held,
        outcome.broken,
        f"{outcome.avoided:.1f} s",
        f"{outcome.healed:.1f} s",
        len(outcome.lost),
        len(outcome.by_hand),
        "; ".join([*breaches(outcome), *more]) or KEPT,
    )
