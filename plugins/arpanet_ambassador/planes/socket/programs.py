"""The object's programs -> the kernel."""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from arpanet_ambassador.planes.socket import bpf, objectfile
from arpanet_ambassador.planes.socket.host import Unavailable
from arpanet_ambassador.planes.socket.layout import HOOKS, MAPS, MapKind, pack_u32
from arpanet_ambassador.planes.socket.maps import Map

__all__ = ["loaded", "make_maps"]

_CONSTANTS = MapKind(bpf.ARRAY, 4, 4, 1, bpf.READ_ONLY)


def make_maps() -> dict[str, Map]:
    """Return new, empty maps.

    :raises Unavailable: the kernel makes none.
    """
    maps: dict[str, Map] = {}
    try:
        for name, kind in MAPS.items():
            maps[name] = _make(name, kind)
    except OSError as problem:
        raise Unavailable(_why("make maps", problem)) from problem
    return maps


@contextmanager
def loaded(blob: bytes, maps: Mapping[str, Map]) -> Iterator[dict[str, int]]:
    """Yield descriptors of the programs by hook; they are closed then.

    :raises Unavailable: the kernel takes not all of them.
    """
    try:
        found = objectfile.read(blob)
    except ValueError as problem:
        raise Unavailable(f"the compiled programs cannot be read: {problem}") from problem
    missing = HOOKS.keys() ^ found.programs.keys()
    if missing:
        raise Unavailable(f"the compiled programs are not those of this plane: {sorted(missing)}")
    programs = _load(found, maps)
    try:
        yield programs
    finally:
        for one in programs.values():
            os.close(one)


def _load(found: objectfile.ObjectFile, maps: Mapping[str, Map]) -> dict[str, int]:
    """Load all, for a kernel with bpf_set_retval; else (before 5.18) as it can be done without."""
    for has_retval in (1, 0):
        programs: dict[str, int] = {}
        try:
            with _constants(has_retval) as constants:
                known = {name: one.descriptor for name, one in maps.items()}
                known[objectfile.CONSTANTS] = constants
                for name, hook in HOOKS.items():
                    code = found.programs[name].linked(known)
                    programs[name] = bpf.load(code, hook, name, found.license)
            return programs
        except OSError as problem:
            for one in programs.values():
                os.close(one)
            if problem.errno != errno.EINVAL or not has_retval:
                missing = next(name for name in HOOKS if name not in programs)
                raise Unavailable(_why(f"take the program {missing}", problem)) from problem
    raise AssertionError("not reached")


@contextmanager
def _constants(has_retval: int) -> Iterator[int]:
    kept = Map(bpf.make_map(bpf.ARRAY, 4, 4, 1, bpf.READ_ONLY, "constants"), _CONSTANTS)
    with kept:
        kept.set(pack_u32(0), pack_u32(has_retval))
        bpf.freeze(kept.descriptor)
        yield kept.descriptor


def _make(name: str, kind: MapKind) -> Map:
    types = bpf.load_types(kind.value) if kind.kind == bpf.SK_STORAGE else 0
    try:
        made = bpf.make_map(kind.kind, kind.key, kind.value, kind.entries, kind.flags, name, types)
    finally:
        if types:
            os.close(types)
    return Map(made, kind)


def _why(what: str, problem: OSError) -> str:
    if problem.errno == errno.ENOSYS:
        return "the kernel has no bpf(2)"
    if problem.errno == errno.EPERM:
        return (
            f"no permission to {what}: the capability SYS_ADMIN is missing here, as in a rootless "
            "engine, or the kernel is locked down"
        )
    return f"the kernel does not {what}: {problem.strerror or problem}"
