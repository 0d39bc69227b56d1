"""Where maps and links of programs are kept: they outlive every process.

    /sys/fs/bpf/arpanet/<cookie of the host>/v<layout>-<object>-<turn>/map_<name> ... link_<hook>

Several hosts may share one kernel, and a bpffs: each has a directory of its own. Within it, each
installation has one: made once, first its maps, then its links, and never changed. So a directory
with all of its maps has those that belong together, whenever the process that made it was killed;
and one directory alone, complete, is what is in force.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from arpanet_ambassador.planes.socket import bpf
from arpanet_ambassador.planes.socket.layout import HOOKS, LAYOUT, MAPS
from arpanet_ambassador.planes.socket.maps import Map

__all__ = ["Pins"]

_TOP = "arpanet"
_NAME = re.compile(r"v(\d+)-([0-9a-f]+)-(\d+)")
_COMPLETE = {*(f"map_{name}" for name in MAPS), *(f"link_{hook}" for hook in HOOKS)}


class Pins:
    """The pins of one host.

    :param bpffs: where it is mounted.
    :param host: what tells this host from others: the cookie of its network namespace.
    """

    def __init__(self, bpffs: Path, host: int) -> None:
        self._top = bpffs / _TOP / str(host)

    def all(self) -> list[Path]:
        """Return the directories of all installations, the newest first."""
        names = os.listdir(self._top) if self._top.is_dir() else []  # noqa: PTH208
        found = [(int(m[3]), name) for name in names if (m := _NAME.fullmatch(name))]
        return [self._top / name for _, name in sorted(found, reverse=True)]

    def current(self, blob: bytes) -> Path | None:
        """Return the directory in force, ``None`` when it is not whole or not of this object."""
        every = self.all()
        if len(every) != 1 or not every[0].name.startswith(f"{_version(blob)}-"):
            return None
        return every[0] if self.whole(every[0]) else None

    def whole(self, directory: Path) -> bool:
        """Tell whether nothing is missing from *directory*."""
        try:
            return set(os.listdir(directory)) >= _COMPLETE  # noqa: PTH208
        except FileNotFoundError:
            return False

    def make(self, blob: bytes, maps: Mapping[str, Map]) -> Path:
        """Make a new directory that keeps *maps*."""
        turns = [int(path.name.rpartition("-")[2]) for path in self.all()]
        directory = self._top / f"{_version(blob)}-{max(turns, default=0) + 1}"
        directory.mkdir(parents=True, mode=0o700)
        for name, one in maps.items():
            bpf.pin(one.descriptor, str(directory / f"map_{name}"))
        return directory

    def maps(self, directory: Path) -> dict[str, Map] | None:
        """Return the maps kept in *directory*, ``None`` when they are not what they must be.

        :raises OSError: no permission.
        """
        found: dict[str, Map] = {}
        for name, kind in MAPS.items():
            with suppress(FileNotFoundError):
                found[name] = Map(bpf.obtain(str(directory / f"map_{name}")), kind)
                about = (kind.kind, kind.key, kind.value, kind.entries)
                if bpf.describe_map(found[name].descriptor) == about:
                    continue
            for one in found.values():
                one.close()
            return None
        return found

    def reusable(self) -> dict[str, Map] | None:
        """Return maps of this layout that an installation has left, ``None``: there are none."""
        for directory in reversed(self.all()):
            if directory.name.startswith(f"v{LAYOUT}-") and (found := self.maps(directory)):
                return found
        return None

    def link(self, hook: str) -> int | None:
        """Return a descriptor of the newest link at *hook*, ``None``: there is none."""
        for directory in self.all():
            with suppress(FileNotFoundError):
                return bpf.obtain(str(directory / f"link_{hook}"))
        return None

    def remove(self, kept: Path | None = None) -> bool:
        """Remove all of this host's installations, but *kept*; return whether there was any.

        Without *kept* no program is in force any more when this returns.
        """
        others = [path for path in self.all() if path != kept]
        if kept is None:
            self._detach()
        for directory in others:
            for name in os.listdir(directory):  # noqa: PTH208
                (directory / name).unlink()
            directory.rmdir()
        if kept is None:
            for path in (self._top, self._top.parent):
                with suppress(OSError):  # others' are there
                    path.rmdir()
        return bool(others)

    def _detach(self) -> None:
        for hook in HOOKS:
            link = self.link(hook)
            if link is not None:
                with suppress(OSError):  # it is detached already
                    bpf.detach(link)
                os.close(link)


def _version(blob: bytes) -> str:
    return f"v{LAYOUT}-{hashlib.sha256(blob).hexdigest()[:12]}"
