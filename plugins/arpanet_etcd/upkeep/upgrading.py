"""Another etcd for this host's master, while the others go on: or the one of before again.

A lock that all share keeps two from it at one moment, and none begins while another is not well: so
a rolling upgrade stops at the first that fails. One that is killed in the middle is ended by
whoever comes next on that host (see :mod:`arpanet_etcd.upkeep.journal`).
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from arpanet import ARPANET_IDENTITY, ArpanetError, Context, EngineError, RegistryError
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters import container, flags, health, image, status
from arpanet_etcd.masters.container import EtcdContainer, own
from arpanet_etcd.masters.image import Image
from arpanet_etcd.masters.joining import Machine
from arpanet_etcd.masters.lock import Lock
from arpanet_etcd.masters.starting import lock_key
from arpanet_etcd.masters.status import Survey
from arpanet_etcd.settings import endpoints
from arpanet_etcd.upkeep import journal, restoring, taking, turns
from arpanet_etcd.upkeep.journal import Exchange

__all__ = ["REFUSED", "exchange", "finish", "upgrade", "well"]

#: Seconds for all masters to be well: one may just have begun.
SETTLED = 10.0
#: Seconds for a member to read its store, and to have what the others have.
PATIENCE = 120.0
#: What was there before, beside the snapshots by schedule, which are dropped with time.
SNAPSHOT = "before-upgrade.db"
#: What is under way, beside it.
JOURNAL = "upgrade.json"
REFUSED = "no master is given another etcd while"


def upgrade(context: Context, new: Image) -> Survey:
    """Have this host's master run another etcd; return how the masters are then.

    :raises ArpanetError: this host is no master; others are not well, or of too old a version:
        nothing was changed. Or the new etcd was not well, and the one of before runs again.
    """
    this = own(context)
    container.preflight(context)
    finish(context)
    before = image.earlier(context.engine)
    if before is None:
        raise ArpanetError("this host is no master", "run this on a master")
    if reason := flags.upgrade(before.version, new.version):
        raise ArpanetError(f"{reason}: nothing was changed", "let ETCD_IMAGE name another")
    places = [this.client_url, *endpoints(context.settings)]
    found = well(context, places, REFUSED)
    places = [url for one in found.members for url in one.client_urls]
    if image.earlier(context.engine, context.engine.image_id(new.tag)):
        return found
    with Lock(Gateway(places), lock_key(context), this.name, context.progress) as lock:
        # once more: another master may have been changed while this one waited for its turn
        found = well(context, places, REFUSED)
        if reason := turns.hindrance(found, new.version):
            raise ArpanetError(
                f"{reason}: nothing was changed", "bring the others to that version first"
            )
        _save(context, this.client_url)
        lock.check()
        words = flags.kept(container.command(context.engine))
        _exchange(context, Exchange(before, new, tuple(words)))
        return well(context, places, f"etcd {flags.dotted(new.version)} is well here, but")


def finish(context: Context) -> None:
    """End an exchange that was killed in the middle, if there is one.

    :raises ArpanetError: the new etcd is not well; says what runs now.
    """
    if begun := journal.begun(_beside(context, JOURNAL)):
        context.say(f"going on to etcd {flags.dotted(begun.new.version)}, which was begun before")
        _exchange(context, begun)


def _exchange(context: Context, what: Exchange) -> None:
    this = own(context)
    with journal.kept(_beside(context, JOURNAL), what):
        exchange(
            EtcdContainer(context, what.before),
            EtcdContainer(context, what.new),
            lambda machine: health.wait(this, machine.check, context.progress, PATIENCE),
            f"etcd {flags.dotted(what.new.version)}",
            f"etcd {flags.dotted(what.before.version)}",
            what.formation,
        )


def _beside(context: Context, name: str) -> Path:
    directory: Path = context.settings[ARPANET_IDENTITY] / "snapshots"
    return directory / name


def exchange(
    before: Machine,
    new: Machine,
    wait: Callable[[Machine], None],
    name: str = "the new etcd",
    former: str = "the one of before",
    formation: Sequence[str] | None = None,
) -> None:
    """Run *new* instead of *before*, with its data; or *before* again.

    :param formation: what both are started with; ``None``: as *before* was.
    :param wait: returns once a machine's member has all that the others have; raises
        ``EngineError`` or ``RegistryError`` when it doesn't come to that.
    :raises ArpanetError: *new* did not; says what runs now.
    """
    words = flags.kept(before.command()) if formation is None else formation
    try:
        new.start(words)
        wait(new)
    except (EngineError, RegistryError) as problem:
        _put_back(before, words, wait, f"{name} is not well: {problem.message}", former)


def _put_back(
    before: Machine,
    words: Sequence[str],
    wait: Callable[[Machine], None],
    what: str,
    former: str,
) -> None:
    try:
        before.start(words)
        wait(before)
    except (EngineError, RegistryError) as problem:
        raise ArpanetError(
            f"{what}; and {former}, which was put back, is not well either: {problem.message}",
            "leave the other masters as they are; 'docker logs arpanet_etcd' says more",
        ) from problem
    raise ArpanetError(f"{what}; {former} runs again", "leave the other masters as they are")


def well(context: Context, places: Sequence[str], refused: str) -> Survey:
    """Return a look at the masters in which all are well.

    :param refused: what is said, with the reason behind it, when it doesn't come to that.
    """
    deadline = time.monotonic() + SETTLED
    with context.progress("waiting until all masters are well"):
        while trouble := turns.unwell(found := status.survey(places)):
            if time.monotonic() > deadline:
                raise RegistryError(
                    f"{refused} {trouble}",
                    "'arpanet master status' shows each; start it, or take it out:"
                    " 'arpanet master remove'",
                )
            time.sleep(0.3)
    return found


def _save(context: Context, place: str) -> None:
    """Whatever the new etcd makes of its data, there is what was there before."""
    file = _beside(context, SNAPSHOT)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise ArpanetError(f"{file.parent} can't be made: {problem.strerror}") from problem
    key = restoring.note_key(context)
    with context.progress(f"saving {file}") as tell:
        taking.take([place], key, restoring.kept_ca(context), file, tell)
    context.say(f"{file} has all that the masters held before")
