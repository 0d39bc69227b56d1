"""Another etcd for this host's master, while the others go on: or the one of before again.

Said on one master after the other. A lock that all share keeps two from it at one moment, and none
begins while another is not well: so a rolling upgrade stops at the first that fails.
"""

import time
from collections.abc import Callable, Sequence

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
from arpanet_etcd.upkeep import restoring, taking, turns

__all__ = ["exchange", "upgrade"]

#: Seconds for all masters to be well: one may just have begun.
SETTLED = 10.0
#: Seconds for a member to read its store, and to have what the others have.
PATIENCE = 120.0
#: What was there before, beside the snapshots by schedule, which are dropped with time.
SNAPSHOT = "before-upgrade.db"
REFUSED = "no master is given another etcd while"


def upgrade(context: Context) -> None:
    """Have this host's master run the etcd that the settings ask for.

    :raises ArpanetError: this host is no master; others are not well, or of too old a version:
        nothing was changed. Or the new etcd was not well, and the one of before runs again.
    """
    this = own(context)
    container.preflight(context)
    before = image.earlier(context.engine)
    if before is None:
        raise ArpanetError("this host is no master", "run this on a master")
    new = image.wanted(context)
    if reason := flags.upgrade(before.version, new.version):
        raise ArpanetError(f"{reason}: nothing was changed", "let ETCD_IMAGE name another")
    places = [this.client_url, *endpoints(context.settings)]
    found = _well(context, places, REFUSED)
    places = [url for one in found.members for url in one.client_urls]
    if image.earlier(context.engine, context.engine.image_id(new.tag)):
        return _report(context, found, new)
    with Lock(Gateway(places), lock_key(context), this.name, context.progress) as lock:
        # once more: another master may have been changed while this one waited for its turn
        found = _well(context, places, REFUSED)
        if reason := turns.hindrance(found, new.version):
            raise ArpanetError(
                f"{reason}: nothing was changed", "bring the others to that version first"
            )
        _save(context, this.client_url)
        lock.check()
        machines = EtcdContainer(context, before), EtcdContainer(context, new)
        exchange(
            *machines,
            lambda machine: health.wait(this, machine.check, context.progress, PATIENCE),
            f"etcd {flags.dotted(new.version)}",
            f"etcd {flags.dotted(before.version)}",
        )
        found = _well(context, places, f"etcd {flags.dotted(new.version)} is well here, but")
    return _report(context, found, new)


def exchange(
    before: Machine,
    new: Machine,
    wait: Callable[[Machine], None],
    name: str = "the new etcd",
    former: str = "the one of before",
) -> None:
    """Run *new* instead of *before*, with its data; or *before* again.

    :param wait: returns once a machine's member has all that the others have; raises
        ``EngineError`` or ``RegistryError`` when it doesn't come to that.
    :raises ArpanetError: *new* did not; says what runs now.
    """
    words = flags.kept(before.command())
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


def _well(context: Context, places: Sequence[str], refused: str) -> Survey:
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
    file = context.settings[ARPANET_IDENTITY] / "snapshots" / SNAPSHOT
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise ArpanetError(f"{file.parent} can't be made: {problem.strerror}") from problem
    key = restoring.note_key(context)
    with context.progress(f"saving {file}") as tell:
        taking.take([place], key, restoring.kept_ca(context), file, tell)
    context.say(f"{file} has all that the masters held before")


def _report(context: Context, found: Survey, new: Image) -> None:
    context.say(f"this master runs etcd {flags.dotted(new.version)}")
    if names := turns.left(found, new.version):
        context.say(f"next: run 'arpanet master upgrade' on {names[0]}")
        if names[1:]:
            context.say(f"after it, on {', '.join(names[1:])}")
    else:
        context.say("no master runs an older one")
