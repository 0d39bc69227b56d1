"""Programs at the root of the cgroups: installed, found again, replaced, removed."""

import errno
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from arpanet_ambassador.planes.socket import bpf
from arpanet_ambassador.planes.socket.host import Host, Unavailable
from arpanet_ambassador.planes.socket.layout import HOOKS
from arpanet_ambassador.planes.socket.maps import Map
from arpanet_ambassador.planes.socket.pins import Pins

__all__ = ["OBJECT", "Installation"]

# what reads the compiled programs is imported where that is done: most agents find them in force

#: The compiled programs; the Makefile beside them makes it.
OBJECT = Path(__file__).with_name("plane.bpf.o")

Fill = Callable[[dict[str, Map]], None]


class Installation:
    """The programs of one host.

    :param pins: where they are kept; by default in the host's bpffs, under the host's cookie.
    :param blob: the compiled programs.
    :raises Unavailable: there is no place for pins.
    """

    def __init__(self, host: Host, pins: Pins | None = None, blob: bytes | None = None) -> None:
        self._host = host
        self._pins = pins or Pins(host.bpffs(), host.cookie())
        self._blob = blob or OBJECT.read_bytes()

    def whole(self) -> bool:
        """Tell whether the programs in force are this object's, and nothing of them is missing."""
        return self._pins.current(self._blob) is not None

    def reopen(self) -> dict[str, Map] | None:
        """Return the maps of the programs in force, ``None``: they have to be installed.

        :raises Unavailable: it is not allowed.
        """
        try:
            directory = self._pins.current(self._blob)
            return self._pins.maps(directory) if directory else None
        except PermissionError as problem:
            raise Unavailable(f"no permission to open what is pinned: {problem}") from problem

    def install(self, fill: Fill) -> dict[str, Map]:
        """Put the programs in force, also in the place of others, and return their maps.

        :param fill: writes what the maps are to hold: they are in use from then on. Those of
            programs with the same layout are taken over, with what they hold.
        :raises Unavailable: not all can be; what was in force still is.
        """
        from arpanet_ambassador.planes.socket.programs import make_maps

        try:
            maps = self._pins.reusable() or make_maps()
        except PermissionError as problem:
            raise Unavailable(f"no permission to open what is pinned: {problem}") from problem
        try:
            fill(maps)
            self._put_in_force(maps)
        except BaseException:
            for one in maps.values():
                one.close()
            raise
        return maps

    def remove(self) -> bool:
        """Detach all programs and forget their maps; return whether there were any."""
        return self._pins.remove()

    def _put_in_force(self, maps: Mapping[str, Map]) -> None:
        from arpanet_ambassador.planes.socket.programs import loaded

        root = self._host.cgroups()
        try:
            with loaded(self._blob, maps) as programs:
                self._check_room(root)
                directory = self._made(maps)
                for hook, program in programs.items():
                    link = self._linked(hook, program, root)
                    try:
                        bpf.pin(link, str(directory / f"link_{hook}"))
                    finally:
                        os.close(link)
        except OSError as problem:
            raise Unavailable(f"the programs cannot be attached: {problem}") from problem
        finally:
            os.close(root)
        self._pins.remove(kept=directory)

    def _made(self, maps: Mapping[str, Map]) -> Path:
        try:
            return self._pins.make(self._blob, maps)
        except OSError as problem:
            words = f"nothing can be pinned in the bpffs: {problem.strerror}"
            raise Unavailable(words) from problem

    def _linked(self, hook: str, program: int, root: int) -> int:
        """Return a link that holds *program* now: the one in force, if there is one."""
        link = self._pins.link(hook)
        if link is not None:
            with suppress(OSError):
                bpf.replace(link, program)
                return link
            os.close(link)
        return bpf.attach(program, root, HOOKS[hook])

    def _check_room(self, root: int) -> None:
        """Raise :class:`Unavailable` when others hold a hook for themselves alone."""
        for hook, number in HOOKS.items():
            try:
                others, flags = bpf.attached(root, number)
            except OSError as problem:
                if problem.errno == errno.EINVAL:
                    raise Unavailable(f"the kernel has no hook {hook} for cgroups") from problem
                raise
            if others and not flags & bpf.ALLOW_MULTI:
                raise Unavailable(f"another program holds {hook} at the root for itself alone")
