"""A set of this host's files at their own paths, as a digest and as a tar archive."""

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator
from importlib.util import cache_from_source
from pathlib import Path

from arpanet.errors import ArpanetError

__all__ = ["Tree"]

#: More symbolic links than this on one way are a loop (Linux: 40).
MOST_LINKS = 40

Skip = Callable[[str], bool]


class Tree:
    """Files, links and directories of an image to be.

    Of an installation these are thousands, and each start of a role looks at all of them: so those
    that are listed are strings here, and their directories are resolved once.

    :ivar files: path in the image -> the path of the file on this host, or its content.
    :ivar links: path in the image -> what the link says.
    :ivar directories: path in the image -> its mode; parents need not be named.
    """

    def __init__(self) -> None:
        self.files: dict[str, str | bytes] = {}
        self.links: dict[str, str] = {}
        self.directories: dict[str, int] = {}
        self._real: dict[Path, Path] = {Path("/"): Path("/")}

    def add(self, path: Path) -> Path:
        """Add a file, or a directory without its content, and every link on the way to it.

        :returns: where it really is.
        :raises ArpanetError: it is missing or cannot be read.
        """
        real = self._resolve(path)
        try:
            mode = real.lstat().st_mode
        except OSError as problem:
            raise ArpanetError(f"cannot pack {path}: {problem.strerror}") from problem
        if stat.S_ISREG(mode):
            self.files[str(real)] = str(real)
        elif stat.S_ISDIR(mode):
            self.directories.setdefault(str(real), 0o755)
        return real

    def add_listed(self, paths: Iterable[str]) -> None:
        """Add those of *paths* that are there, each as :meth:`add` would."""
        real: dict[str, str] = {}
        for path in paths:
            parent, _, name = path.rpartition("/")
            if parent not in real:
                real[parent] = str(self._resolve(Path(parent)))
            at = f"{real[parent]}/{name}"
            try:
                mode = os.lstat(at).st_mode
            except OSError:  # it was removed since
                continue
            if stat.S_ISREG(mode):
                self.files[at] = at
            elif os.access(at, os.F_OK):
                self.add(Path(at))

    def add_all(self, directory: Path, skip: Skip) -> None:
        """Add a directory with all that is in it; except names that *skip* picks.

        Compiled modules are left to :meth:`archive`: they come and go without being a change.
        """
        real = self.add(directory)
        with os.scandir(real) as found:
            for one in sorted(found, key=lambda entry: entry.name):
                if one.name == "__pycache__" or skip(one.name):
                    continue
                if one.is_file(follow_symlinks=False):
                    self.files[one.path] = one.path
                elif one.is_dir(follow_symlinks=False):
                    self.add_all(Path(one.path), skip)
                elif one.is_symlink() and one.path not in self.links and os.access(one, os.F_OK):
                    target = self.add(Path(one.path))
                    if target.is_dir():
                        self.add_all(target, skip)

    def _resolve(self, path: Path, depth: int = 0) -> Path:
        if path in self._real:
            return self._real[path]
        if depth > MOST_LINKS:
            raise ArpanetError(f"cannot pack {path}: too many symbolic links")
        at = self._resolve(path.parent, depth)
        at = at.parent if path.name == ".." else at / path.name
        if at.is_symlink():
            link = self.links[str(at)] = str(at.readlink())
            at = self._resolve(at.parent / link, depth + 1)
        self._real[path] = at
        return at

    def digest(self, *more: str) -> str:
        """Return a hash of what is in the tree, by size and time, and of *more*: 12 hex digits."""
        found = hashlib.sha256("\n".join(more).encode())
        for name in sorted(self.files):
            source = self.files[name]
            if isinstance(source, bytes):
                found.update(f"\n{name}:".encode() + source)
            else:
                at = self._stat(source)
                found.update(f"\n{name} {at.st_mode} {at.st_size} {at.st_mtime_ns}".encode())
        found.update(repr((sorted(self.links.items()), sorted(self.directories.items()))).encode())
        return found.hexdigest()[:12]

    def archive(self) -> Iterator[bytes]:
        """Yield the tree as an uncompressed tar archive, owned by root.

        :raises ArpanetError: a file changed or vanished while it was read.
        """
        files = {**self._compiled(), **self.files}
        modes = {**dict.fromkeys(_parents([*files, *self.links]), 0o755), **self.directories}
        part = io.BytesIO()
        with tarfile.open(fileobj=part, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for name in sorted(modes):
                tar.addfile(_member(name, tarfile.DIRTYPE, modes[name]))
            for name in sorted(self.links):
                tar.addfile(_member(name, tarfile.SYMTYPE, 0o777, link=self.links[name]))
            for name in sorted(files):
                _add(tar, name, files[name], self._stat)
                yield _taken(part)
        yield _taken(part)

    def _compiled(self) -> dict[str, str | bytes]:
        """The compiled forms of the modules: an agent then starts in half the time."""
        found = (cache_from_source(name) for name in self.files if name.endswith(".py"))
        return {path: path for path in found if Path(path).is_file()}

    @staticmethod
    def _stat(path: str) -> os.stat_result:
        try:
            return os.stat(path)  # noqa: PTH116
        except OSError as problem:
            raise ArpanetError(f"cannot pack {path}: {problem.strerror}", "try again") from problem


def _parents(names: Iterable[str]) -> set[str]:
    """Return all directories above *names* but the root; as strings, since there are thousands."""
    found: set[str] = set()
    for name in names:
        up = name.rpartition("/")[0]
        while up and up not in found:
            found.add(up)
            up = up.rpartition("/")[0]
    return found


def _taken(part: io.BytesIO) -> bytes:
    """Return what was written since the last time; never more than the largest file."""
    data = part.getvalue()
    part.seek(0)
    part.truncate()
    return data


def _member(name: str, kind: bytes, mode: int, size: int = 0, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name.lstrip("/"))
    info.type, info.mode, info.size, info.linkname = kind, mode, size, link
    return info


def _add(
    tar: tarfile.TarFile,
    name: str,
    source: str | bytes,
    look: Callable[[str], os.stat_result],
) -> None:
    if isinstance(source, bytes):
        info = _member(name, tarfile.REGTYPE, 0o644, len(source))
        return tar.addfile(info, io.BytesIO(source))
    at = look(source)
    # Without set-user-id bits: everybody is root in there anyway
    info = _member(name, tarfile.REGTYPE, at.st_mode & 0o777, at.st_size)
    info.mtime = int(at.st_mtime)
    try:
        with Path(source).open("rb") as file:
            return tar.addfile(info, file)
    except OSError as problem:
        if problem.errno is None:  # of tarfile itself: there was less to read than it was told
            reason = "it changed while it was read"
            raise ArpanetError(f"cannot pack {source}: {reason}", "try again") from problem
        raise ArpanetError(f"cannot pack {source}: {problem.strerror}") from problem
