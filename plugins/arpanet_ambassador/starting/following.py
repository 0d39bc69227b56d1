"""Containers that start: found by the directories that containerd makes for them.

Docker announces a start ten milliseconds after the first instruction. Some 200 ms before it, the
runtime has made the network namespace and waits in it; who knows what the container declares can
have its links there in time. Whatever can't be seen here, or not in time, is seen with that
announcement, as ever.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from arpanet import Container
from arpanet_ambassador import inotify
from arpanet_ambassador.planes.namespaces import name_of
from arpanet_ambassador.starting.describing import cgroups
from arpanet_ambassador.starting.files import read, recorded

__all__ = ["HOST", "Starting"]

log = logging.getLogger(__name__)

#: The host's files, seen through its first process: nothing has to be mounted for them.
HOST = Path("/proc/1/root")
#: Where containerd keeps what runs: Docker's own one, and the system's.
_TASKS = (
    "run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby",
    "run/containerd/io.containerd.runtime.v2.task/moby",
)
#: Seconds between two looks for the process, and until it is given up.
_LOOK, _PATIENCE = 0.002, 10.0
#: Seconds until it is tried again where nothing can be watched.
_AGAIN = 5.0
#: Seconds for which a start may take until Docker announces it.
_LONGEST = 60.0
_ENDED = object()


class Starting:
    """What starts now. :attr:`found` is replaced as a whole: to be read from any thread.

    :param declares: tells whether there may be links on one: all others are of no interest here.
    :param files: finds Docker's directory of containers, as the host calls it.
    :param seen: called with each record, before its process is known and whenever the hosts file
        was written since, and with each that was started before anybody watched; from a thread of
        this class.
    :param changed: called, from such a thread, when there is a new one in :attr:`found`.
    """

    def __init__(
        self,
        declares: Callable[[Container], bool],
        files: Callable[[], Path],
        seen: Callable[[Container, Path], None],
        changed: Callable[[], None],
        host: Path = HOST,
    ) -> None:
        self._declares, self._files, self._host = declares, files, host
        self._seen, self._changed = seen, changed
        self._lock = threading.Lock()
        self._tasks: Mapping[str, tuple[Path, float]] = {}
        self.found: Mapping[str, Container] = {}
        threading.Thread(target=self._run, name="starting", daemon=True).start()

    def settled(self, running: Mapping[str, Container]) -> None:
        """Forget those that Docker has announced by now, and those that never came."""
        now = time.monotonic()
        with self._lock:
            self._tasks = {
                key: (task, until)
                for key, (task, until) in self._tasks.items()
                if until > now and task.exists()
                if not _announced(self.found[key], running.get(key))
            }
            self.found = {key: self.found[key] for key in self._tasks}

    def _run(self) -> None:
        told = ""
        while True:
            try:
                self._watch()
            except Exception as problem:  # Docker may be away, or no watch left, for now
                if str(problem) != told:
                    log.warning("clients get their links after their start only: %s", problem)
                told = str(problem)
            time.sleep(_AGAIN)

    def _watch(self) -> None:
        files = self._host / str(self._files()).lstrip("/")
        tasks = [self._host / one for one in _TASKS]
        followed: list[Iterator[None]] = []
        with closing(inotify.Watch(tasks, inotify.CREATED)) as watch:
            there = [task for place in tasks if place.is_dir() for task in place.iterdir()]
            threading.Thread(target=self._look_at, args=(there, files), daemon=True).start()
            # all by this one thread: on a busy machine each change of threads is a wait for a
            # processor, as long as what there is time for
            while True:
                for task in watch.come(_LOOK if followed else None):
                    followed.append(self._guarded(task, files / task.name))
                followed = [one for one in followed if next(one, _ENDED) is not _ENDED]

    def _look_at(self, tasks: Iterable[Path], files: Path) -> None:
        """Tell of those that were started while nobody watched: their hosts files lack names."""
        for task in tasks:
            try:
                record = recorded(files / task.name)
                if self._declares(record) and record.network_mode != "none":
                    self._seen(record, files / task.name)
            except (OSError, ValueError, KeyError) as problem:
                log.debug("container %.12s runs unseen: %s", task.name, problem)

    def _guarded(self, task: Path, files: Path) -> Iterator[None]:
        """Follow one, whose trouble must not be that of all others."""
        try:
            yield from self._follow(task, files)
        except (OSError, ValueError, KeyError) as problem:
            log.debug("container %.12s starts unseen: %s", task.name, problem)
        except Exception:
            log.exception("container %.12s starts unseen", task.name)

    def _follow(self, task: Path, files: Path) -> Iterator[None]:
        """Find out what one declares, then which process it is: in as many looks as that takes."""
        record = recorded(files)
        if not self._declares(record) or record.network_mode == "none":
            return
        if record.network_mode.startswith("container:"):  # all of it is there already
            self._tell(record, task)
            self._seen(record, files)
            return
        hosts, left, told = files / "hosts", None, False
        for pid in self._processes(task):
            announced = told and record.id not in self.found
            # which cgroup one on the host's own network is in, Docker's announcement tells
            if pid and not announced and record.network_mode != "host":
                told = True
                self._tell(replace(record, pid=pid), task)
            # from 26 on, Docker makes the file once more when the process is there: before it
            # announces the start, so that nothing is missed by a look after that
            if (now := _stamp(hosts)) not in (left, None):
                left = now
                self._seen(record, files)
                if record.network_mode == "host":
                    return
            if announced:
                return
            yield
        if left is None and task.exists():
            self._seen(record, files)  # there is no such file: that is said in its link

    def _tell(self, record: Container, task: Path) -> None:
        with self._lock:
            self._tasks = {**self._tasks, record.id: (task, time.monotonic() + _LONGEST)}
            self.found = {**self.found, record.id: record}
        self._changed()

    def _processes(self, task: Path) -> Iterator[int]:
        """Yield the process in the container's own network namespace, and each that replaces it.

        The runtime takes several to make one, and each hands on to the next. Where there is nothing
        new, 0 is yielded at each look.
        """
        deadline = time.monotonic() + _PATIENCE
        places: list[Path] = []
        foreign = {"", name_of(1), str(Path("/proc/self/ns/net").readlink())}
        told = 0
        while time.monotonic() < deadline and task.exists():
            places = places or self._places(task)
            inside = [pid for pid in _listed(places) if name_of(pid) not in foreign]
            news = bool(inside) and told not in inside
            if news:
                told = inside[-1]
            yield told if news else 0

    def _places(self, task: Path) -> list[Path]:
        try:
            spec = read(task / "config.json")
        except (OSError, ValueError):  # not, or not wholly, written yet
            return []
        return [self._host / "sys/fs/cgroup" / one for one in cgroups(spec)]


def _announced(start: Container, running: Container | None) -> bool:
    """Tell whether it is this start that Docker has announced, and not the container's former run.

    Docker locks a container while it starts it again, so that the end of its former run may be
    heard of only after that.
    """
    if not running or not (runs := name_of(running.pid)):
        return False
    return name_of(start.pid) in ("", runs)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what differs whenever the file is written, ``None``: it is not there, or empty yet."""
    with suppress(OSError):
        found = path.stat()
        return (found.st_ino, found.st_size, found.st_mtime_ns) if found.st_size else None
    return None


def _listed(places: Iterable[Path]) -> list[int]:
    """Return the processes of a container, by the first of *places* that there is."""
    for place in places:
        with suppress(OSError):
            return [int(one) for one in (place / "cgroup.procs").read_text().split()]
    return []
