"""What the running installation is made of: interpreter, standard library, distributions.

A node image holds just what arpanet and the installed plugins require, so that a development tool
or an unrelated program in the same environment doesn't end up in it.
"""

import csv
import json
import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from email.parser import HeaderParser
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

import arpanet
from arpanet.entrypoints import COMMANDS, PLUGINS
from arpanet.errors import ArpanetError
from arpanet.images.tree import Tree

__all__ = [
    "add_distributions",
    "add_python",
    "distributions",
    "environment",
    "python",
    "requirements",
]

#: Parts of the standard library that no agent uses, the greater half of it.
UNUSED = frozenset(
    {"test", "tests", "idlelib", "ensurepip", "tkinter", "turtledemo", "turtle.py", "lib2to3"}
    | {"pydoc_data", "venv", "msilib", "site-packages", "dist-packages"}
)
UNUSED_PATTERN = re.compile(
    r"config-\d.*|_tkinter\..*|_test.*\.so|_ctypes_test.*|xxlimited.*|.*\.a"
)


def python() -> str:
    """Return the path to call the interpreter by, whatever it was called by this time."""
    return next((str(path) for path in _names() if path.exists()), sys.executable)


def _names() -> list[Path]:
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return [Path(sys.prefix, "bin", one) for one in (name, "python3", "python")]


def add_python(tree: Tree) -> None:
    """Add the interpreter, what tells it where it is, and its standard library."""
    base = Path(getattr(sys, "_base_executable", sys.executable))
    for program in (*(one for one in _names() if one.exists()), Path(python()), base):
        tree.add(program)
    marker = Path(sys.prefix) / "pyvenv.cfg"
    if marker.exists():
        tree.add(marker)
    for directory in {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}:
        # In a virtual environment the second one is below the environment, and may be empty
        if (path := Path(directory)).is_dir() and not path.is_relative_to(_venv()):
            tree.add_all(path, lambda name: name in UNUSED or bool(UNUSED_PATTERN.fullmatch(name)))


def _venv() -> Path:
    return Path(sys.prefix) if sys.prefix != sys.base_prefix else Path("/nowhere")


def environment() -> dict[str, str]:
    """Return the variables without which this interpreter would not find its modules."""
    found = {
        name: os.environ[name] for name in ("PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ
    }
    if site.ENABLE_USER_SITE and site.getusersitepackages() in sys.path:
        found["PYTHONUSERBASE"] = site.getuserbase()
    return found


# -- distributions -------------------------------------------------------------------------------


def distributions() -> list[Distribution]:
    """Return arpanet's distribution, those of its plugins, and all that they require.

    :raises ArpanetError: arpanet runs from a directory, not from an installation.
    """
    try:
        todo = [distribution("arpanet")]
    except PackageNotFoundError:
        raise ArpanetError(
            "arpanet is not installed as a package, so no node image can be packed",
            "install it with pip, or set ARPANET_IMAGE",
        ) from None
    here = Path(arpanet.__file__).resolve().parents[1]
    if not _editable(todo[0]) and here not in _installed_at():
        # python -m in a checkout: a node would not find what is imported from the working directory
        raise ArpanetError(
            f"arpanet runs from {here}, which is not where it is installed",
            "run it from another directory, or set ARPANET_IMAGE",
        )
    points: Any = entry_points()  # not those of before: the watcher lives through an upgrade
    for group in (PLUGINS, COMMANDS):
        todo += [point.dist for point in points.select(group=group) if point.dist]
    # each has many entry points
    found = {canonicalize_name(_said(one)[0]): one for one in dict.fromkeys(todo)}
    wanted = [(name, frozenset[str]()) for name in found]
    seen = set()
    while wanted:
        asked = name, extras = wanted.pop()
        if asked in seen:
            continue
        seen.add(asked)
        with suppress(PackageNotFoundError):
            one = found[name] = found.get(name) or distribution(name)
            more = requirements(_said(one)[1], extras)
            wanted += [(canonicalize_name(want.name), frozenset(want.extras)) for want in more]
    return [found[name] for name in sorted(found)]


def _said(one: Distribution) -> tuple[str, Sequence[str]]:
    """Return its name and its requirements, as its metadata says."""
    text = one.read_text("METADATA")
    if not text:  # an egg, as Debian's packages are
        return one.name, one.requires or ()
    # the headers alone: Distribution.metadata takes the description to pieces, too, line by line
    headers = HeaderParser().parsestr(text.partition("\n\n")[0])
    return headers["Name"], headers.get_all("Requires-Dist", [])


def requirements(lines: Iterable[str], extras: Iterable[str] = ()) -> list[Requirement]:
    """Return what requirement *lines* (PEP 508) ask for on this host.

    :param extras: those that the distribution was asked for with.

    >>> lines = ["urllib3>=2 ; python_version > '3'", "paramiko ; extra == 'ssh'", "a[b]"]
    >>> [one.name for one in requirements(lines)]
    ['urllib3', 'a']
    """
    found = []
    for line in lines:
        with suppress(InvalidRequirement):  # a stranger's, and of no use to anybody
            one = Requirement(line)
            if not one.marker or any(one.marker.evaluate({"extra": e}) for e in ("", *extras)):
                found.append(one)
    return found


def add_distributions(tree: Tree, found: Iterable[Distribution]) -> None:
    """Add the files of each; of an editable one, its sources where they are."""
    for one in found:
        base = Path(str(one.locate_file("")))
        listed = _listed(one, base)
        tree.add_listed(listed)
        covered = base if listed and not _editable(one) else None
        for module in _modules(one, listed):
            _add_module(tree, module, covered)
        if not listed and (metadata := getattr(one, "_path", None)):  # as Debian's packages are
            tree.add_all(Path(metadata), _hidden) if Path(metadata).is_dir() else tree.add(metadata)


def _listed(one: Distribution, base: Path) -> list[str]:
    """What it installed beside its modules; scripts and manual pages are elsewhere."""
    names = (name for name in _recorded(one) if not name.endswith(".pyc"))
    below = f"{base}/"
    # as strings, since these are thousands, and each start of a role asks
    paths = (os.path.normpath(name if name[0] == "/" else below + name) for name in names)
    return [path for path in paths if path.startswith(below)]


@cache
def _recorded(one: Distribution) -> tuple[str, ...]:
    """All that it installed, by its own list; read once, and without an object for each name."""
    if (text := one.read_text("RECORD")) is None:
        return tuple(str(name) for name in one.files or ())
    return tuple(row[0] for row in csv.reader(text.splitlines()) if row and row[0])


def _installed_at() -> set[Path]:
    """The directories that a node searches for modules, as this interpreter does."""
    by_variable = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    found = (*site.getsitepackages(), site.getusersitepackages(), *by_variable)
    return {Path(one).resolve() for one in found}


@cache
def _editable(one: Distribution) -> bool:
    text = one.read_text("direct_url.json")
    if text and json.loads(text).get("dir_info", {}).get("editable"):
        return True
    return any("/__editable__" in f"/{name}" for name in _recorded(one))


def _modules(one: Distribution, listed: Iterable[str]) -> set[str]:
    """The names of its top-level modules, as far as they are written down anywhere."""
    names = set((one.read_text("top_level.txt") or "").split())
    names |= {point.module.partition(".")[0] for point in one.entry_points}
    if _editable(one):
        for path in listed:
            if path.endswith(".pth") and os.access(path, os.R_OK):
                names |= set(_importable(Path(path)))
    return names


def _importable(pth: Path) -> Iterator[str]:
    for line in pth.read_text().splitlines():
        directory = Path(line.strip())
        if line.strip() and directory.is_absolute() and directory.is_dir():
            for child in directory.iterdir():
                if child.suffix == ".py" or (child / "__init__.py").exists():
                    yield child.stem


def _add_module(tree: Tree, name: str, covered: Path | None) -> None:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):  # a stale name in somebody's metadata
        return
    if spec is None:
        return
    places = [Path(place) for place in spec.submodule_search_locations or ()]
    if spec.has_location and spec.origin and not places:
        places = [Path(spec.origin)]
    for place in places:
        if covered and place.is_relative_to(covered):
            continue
        if place.is_dir():
            tree.add_all(place, _hidden)
        elif place.is_file():
            tree.add(place)


def _hidden(name: str) -> bool:
    return name.startswith(".")
