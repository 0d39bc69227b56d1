"""A master's agent does what ``arpanet master upgrade``, said on any master, asks of its etcd."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from arpanet import HOSTNAME, ArpanetError, Context, EngineError, Hearing, RegistryError
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters import flags, image
from arpanet_etcd.masters.image import Image
from arpanet_etcd.registry.vault import make_vault
from arpanet_etcd.settings import ETCD_IMAGE, endpoints
from arpanet_etcd.upkeep import upgrading
from arpanet_etcd.upkeep.wishes import EXCHANGE, FETCH, Wish, Wishes

__all__ = ["Upgrader", "fetched", "make_upgrader", "repository"]

log = logging.getLogger(__name__)

#: Seconds between two looks for an exchange that was killed, and between two questions for wishes
#: of which nothing is heard: a token lives for five minutes.
EVERY, LOOK = 3.0, 60.0

Deed = Callable[[Wish], str]


class Upgrader:
    """Looks once at a time; :meth:`start` has a thread do so until :meth:`close`.

    :param name: this host's.
    :param cluster: returns etcd's number of the cluster.
    :param deeds: step -> what does it, and returns what is to be known.
    :param finish: ends an exchange that was killed, if there is one.
    """

    def __init__(
        self,
        name: str,
        wishes: Wishes,
        cluster: Callable[[], str],
        deeds: Mapping[str, Deed],
        finish: Callable[[], None],
    ) -> None:
        self._name, self._wishes, self._cluster = name, wishes, cluster
        self._deeds, self._finish = deeds, finish
        self._answer: tuple[Wish, str, ArpanetError | None] | None = None
        self._ended, self._news = threading.Event(), threading.Event()
        self._ask_at = 0.0
        self._hearing: Hearing | None = None
        self._thread = threading.Thread(target=self._run, name="upgrader", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._hearing = self._wishes.follow(self._news.set)
        self._thread.start()

    def close(self) -> None:
        """Stop; what is under way is not waited for: the next agent goes on with it."""
        self._ended.set()
        self._news.set()
        if self._hearing:
            self._hearing.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._look_or_finish()
            except RegistryError as problem:
                log.debug("no wishes: %s", problem)  # others say that no master answers
            except ArpanetError as problem:
                log.warning("another etcd: %s", problem)
            except Exception:  # whatever it is, the next look may be better
                log.exception("looking for wishes failed, and goes on")
            self._news.wait(EVERY)

    def _look_or_finish(self) -> None:
        """Ask where something was heard, or not for long, or nobody answered; else look at disk."""
        now = time.monotonic()
        if not self._news.is_set() and now < self._ask_at:
            self._finish()
            return
        self._news.clear()
        self._ask_at = now + LOOK
        try:
            self.look()
        except Exception:
            self._ask_at = 0.0
            raise

    def look(self) -> None:
        """Do what is asked, if anything is; say what became of it, also later.

        :raises ArpanetError: an exchange that was killed could not be ended; no master answers.
        """
        if self._answer is None:
            self._look()
        if self._answer:
            wish, words, problem = self._answer
            state = "failed" if problem else "done"
            hint = problem.hint or "" if problem else ""
            said = problem.message if problem else words
            self._wishes.change(self._name, wish, "failed" if problem else "done", said, hint)
            log.info("asked for etcd %s (%s): %s %s", wish.version, wish.step, state, said)
            self._answer = None

    def _look(self) -> None:
        try:
            wish = self._wishes.of(self._name)
        except RegistryError:
            wish, self._ask_at = None, 0.0  # what was killed may be why
        if wish is None or not wish.open:
            self._finish()
            return
        if wish.cluster != self._cluster():
            log.warning("a wish for another cluster is left alone")
            self._wishes.change(self._name, wish, "failed", "it was for another cluster")
            return
        if not self._wishes.change(self._name, wish, "taken"):
            return
        try:
            self._answer = wish, self._deeds[wish.step](wish), None
        except ArpanetError as problem:
            self._answer = wish, "", problem


def make_upgrader(context: Context) -> Upgrader | None:
    """Return what carries out wishes in this agent; it does no I/O yet."""
    vault = make_vault(context.settings)
    if vault is None:
        return None

    def cluster() -> str:
        gateway = Gateway(endpoints(context.settings))
        try:
            return gateway.membership()[0]
        finally:
            gateway.close()

    def fetch(wish: Wish) -> str:
        new, before = fetched(context, wish), image.earlier(context.engine)
        if before and (reason := flags.upgrade(before.version, new.version)):
            raise ArpanetError(f"{reason}: nothing was changed", "let ETCD_IMAGE name another")
        return _differs(context, new)

    def exchange(wish: Wish) -> str:
        upgrading.upgrade(context, fetched(context, wish))
        return ""

    return Upgrader(
        context.settings[HOSTNAME],
        Wishes(vault),
        cluster,
        {FETCH: fetch, EXCHANGE: exchange},
        lambda: upgrading.finish(context),
    )


def fetched(context: Context, wish: Wish) -> Image:
    """Return the image that a wish names; get it where it is missing.

    A master may not have others run what it likes: what is not on this host already is pulled from
    where this host's own ETCD_IMAGE is from, and from nowhere else.

    :raises EngineError: it can't be had, or holds another etcd.
    """
    engine, mine = context.engine, context.settings[ETCD_IMAGE]
    if not engine.has_image(wish.image):
        if repository(wish.image) != repository(mine):
            raise EngineError(
                f"image {wish.image} is not on this host, and ETCD_IMAGE is {mine}",
                "pull it there; or, where it was packed, bring that etcd there and run"
                " 'arpanet install master'; then say the same again",
            )
        with context.progress(f"pulling {wish.image}") as tell:
            engine.pull(wish.image, tell)
    found = image.named(context, wish.image)
    if flags.dotted(found.version) != wish.version:
        raise EngineError(
            f"image {wish.image} has etcd {flags.dotted(found.version)} on this host,"
            f" and {wish.version} where it was asked for",
            "remove it there, or name another",
        )
    return found


def repository(tag: str) -> str:
    """Return an image's name without its tag and digest: ``quay.io:443/coreos/etcd``."""
    place, slash, name = tag.partition("@")[0].rpartition("/")
    return f"{place}{slash}{name.partition(':')[0]}"


def _differs(context: Context, new: Image) -> str:
    """Return what ETCD_IMAGE says here, if the next ``master start`` may go by that."""
    mine = context.settings[ETCD_IMAGE]
    default = context.settings.source(ETCD_IMAGE).origin == "default"
    packed = default and repository(new.tag) == image.PACKED
    return "" if packed or new.tag == mine else mine
