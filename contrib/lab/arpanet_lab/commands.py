"""``arpanet lab …``."""

import logging
import os
import random
import time
from abc import ABC, abstractmethod
from argparse import REMAINDER, ArgumentParser, Namespace
from typing import TYPE_CHECKING

from arpanet import Command, Lister

if TYPE_CHECKING:
    from arpanet_lab.lab import Lab

__all__ = [
    "Chaos",
    "Cut",
    "Demo",
    "Down",
    "Exec",
    "GameDay",
    "Heal",
    "Kill",
    "Pack",
    "Start",
    "Status",
    "Up",
]

log = logging.getLogger("arpanet.lab")

_Table = tuple[tuple[str, ...], list[tuple[str | int, ...]]]


class _OfLab(Command):
    """A command with the option ``--name``."""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        parser: ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("--name", default="lab", help="the lab's name (default: lab)")
        return parser

    def lab(self, parsed_args: Namespace) -> "Lab":
        from arpanet_lab.lab import Lab

        return Lab(parsed_args.name)


class _OfHosts(_OfLab, ABC):
    """A command for one or more hosts."""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("hosts", nargs="+", metavar="HOST", help="host1, host2, …")
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        lab = self.lab(parsed_args)
        for name in parsed_args.hosts:  # all names are right, or nothing happens
            lab.host(name)
        for name in parsed_args.hosts:
            self.act(lab, name)

    @abstractmethod
    def act(self, lab: "Lab", name: str) -> None:
        """Do it to one host."""


class Up(_OfLab):
    """Make hosts on this machine, each with its own network, processes, disk and Docker."""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Add the number of hosts."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--hosts", type=int, metavar="N", help="1 to 50 (default: as many as there are, or 3)"
        )
        parser.add_argument(
            "--cgroup",
            choices=("v1", "v2", "hybrid"),
            default="",
            help="the cgroups that its hosts show (default: the machine's)",
        )
        parser.add_argument(
            "--disk",
            type=int,
            default=0,
            metavar="MB",
            help="give each host's Docker a disk of its own of this size, which can be full",
        )
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Start what does not run."""
        lab = self.lab(parsed_args)
        with self.app.context.progress(f"starting the hosts of {lab.name}"):
            started = lab.up(parsed_args.hosts, parsed_args.cgroup, parsed_args.disk)
        for host in lab.hosts:
            log.info("%s %s%s", host.name, host.ip, "" if host.name in started else " runs already")


class Down(_OfLab):
    """Take all hosts of a lab away, with all that is on them."""

    def take_action(self, parsed_args: Namespace) -> None:
        """Take all away."""
        lab = self.lab(parsed_args)
        with self.app.context.progress(f"taking {lab.name} away, with all that is on it"):
            found = lab.down()
        if not found:
            log.info("lab %s is not up", lab.name)


class Status(Lister, _OfLab):
    """List the hosts of a lab: their addresses, and whether they are up, cut or off."""

    def take_action(
        self, parsed_args: Namespace
    ) -> tuple[tuple[str, ...], list[tuple[str, str, str, str]]]:
        """Look at each."""
        rows = [
            (line.host, line.address, line.power, "up" if line.docker else "down")
            for line in self.lab(parsed_args).status()
        ]
        return ("host", "address", "state", "docker"), rows


class Exec(_OfLab):
    """Run a command on a host: arpanet lab exec host1 -- docker ps."""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Add the host and the command."""
        parser = super().get_parser(prog_name)
        parser.add_argument("host", help="host1, host2, …")
        parser.add_argument("command", nargs=REMAINDER, metavar="-- COMMAND …", help="sh if none")
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Become the command: its terminal, its signals and its exit code are this one's."""
        host = self.lab(parsed_args).host(parsed_args.host)
        given = parsed_args.command
        inner = given[1:] if given[:1] == ["--"] else given
        command = host.command(inner or ["sh"])
        self.app.stdout.flush()
        os.execve(command[0], command, host.environment())  # noqa: S606


class Cut(_OfHosts):
    """Partition hosts: nothing they send arrives, nothing reaches them; they go on."""

    def act(self, lab: "Lab", name: str) -> None:
        """Pull the cable."""
        lab.cut(name)


class Heal(_OfHosts):
    """End the partition of hosts."""

    def act(self, lab: "Lab", name: str) -> None:
        """Put the cable back."""
        lab.heal(name)


class Kill(_OfHosts):
    """Cut the power of hosts: their processes die at once, their disks stay as they are."""

    def act(self, lab: "Lab", name: str) -> None:
        """Pull the plug."""
        lab.kill(name)


class Start(_OfHosts):
    """Give hosts power again, with the same disk and address."""

    def act(self, lab: "Lab", name: str) -> None:
        """Press the button."""
        with self.app.context.progress(f"starting {name}"):
            started = lab.start(name)
        if not started:
            log.info("%s runs already", name)


class Pack(_OfLab):
    """Make an image of programs on this machine, for hosts that reach no registry."""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Add the image and the programs."""
        parser = super().get_parser(prog_name)
        parser.add_argument("image", help="its name, such as redis or redis:7")
        parser.add_argument(
            "programs", nargs="*", metavar="PROGRAM", help="the first is what the image runs"
        )
        parser.add_argument(
            "--host",
            action="append",
            default=[],
            dest="hosts",
            help="load it there only; can be repeated",
        )
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Pack once, load on each host."""
        lab = self.lab(parsed_args)
        image, programs, hosts = parsed_args.image, parsed_args.programs, parsed_args.hosts
        with self.app.context.progress(f"packing {image}"):
            names = (
                lab.load_programs(image, programs, hosts)
                if programs
                else lab.load_image(image, hosts)
            )
        log.info("%s is on %s", image, " ".join(names))


class Demo(Command):
    """Show the main job on three real hosts, from nothing, and take them down again."""

    def take_action(self, parsed_args: Namespace) -> None:
        """Show it."""
        from arpanet import Progress
        from arpanet_lab.demo import Demo as Show

        # it says itself what it does: in a pipe there is nothing to add
        Show(log.info, Progress(lambda _: None)).run()


class _Drills(Lister):
    """Drills on a cluster under load, in a lab of their own."""

    need_sort_by_cliff = False

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Add the drills, their length, their links' plane and the seed of their order."""
        from arpanet_lab.drills.catalogue import DRILLS

        parser: ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            "drills",
            nargs="*",
            metavar="DRILL",
            help=f"which (default: all): {', '.join(drill.name for drill in DRILLS)}",
        )
        parser.add_argument(
            "--full", action="store_true", help="at full length, with the settings of everyday life"
        )
        planes = ("auto", "socket", "nftables", "proxy")
        mixed = "of all links (the best one on host1, nftables on host3)"
        parser.add_argument("--plane", choices=planes, default="", help=mixed)
        parser.add_argument("--seed", type=int, help="in an order by chance, the same for a seed")
        return parser

    def run(self, parsed_args: Namespace) -> int:
        """Return 1 where a promise was broken."""
        code: int = super().run(parsed_args)
        return code or int(not self._kept)

    def judged(self, rows: list[tuple[str | int, ...]]) -> _Table:
        """Return the table of *rows*, and let the exit code say whether all was kept."""
        from arpanet_lab.drills import runner

        self._kept = all(row[-1] == runner.KEPT for row in rows)
        return runner.COLUMNS, rows


class GameDay(_Drills):
    """Hold drills on a cluster under load, in a lab of their own: what does each accident cost?"""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Add how often."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--repeat", type=int, default=1, help="how often each is held (1)")
        return parser

    def take_action(self, parsed_args: Namespace) -> _Table:
        """Hold them one after the other; the exit code is 1 if a promise was broken.

        :raises UsageError: there is no such drill, they are to be held less than once, or a game
            day is on.
        """
        from arpanet_lab.drills import runner
        from arpanet_lab.drills.catalogue import chosen, ordered

        drills = ordered(chosen(parsed_args.drills), parsed_args.repeat, parsed_args.seed)
        with runner.cluster(parsed_args.full, plane=parsed_args.plane) as site:
            rows = [runner.told(site, drill, parsed_args.full) for drill in drills]
        return self.judged(rows)


class Chaos(_Drills):
    """Hold drills at random for so many minutes, and check after each that all is as it should be.

    What holds on a cluster that is well: what runs and is published is registered, nothing else is,
    every link is carried and leads where it should, and nothing is left of a client that is gone.
    """

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Add how long."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--minutes", type=float, default=20.0, help="how long (20)")
        return parser

    def take_action(self, parsed_args: Namespace) -> _Table:
        """Go on until time is over; the exit code is 1 if a promise or a rule was broken.

        :raises UsageError: there is no such drill, or a game day is on.
        """
        from arpanet_lab.drills import rules, runner
        from arpanet_lab.drills.catalogue import chosen

        drills, rows = chosen(parsed_args.drills), []
        given = parsed_args.seed
        seed = random.randrange(1 << 32) if given is None else given  # noqa: S311
        log.info("seed %d", seed)
        chance = random.Random(seed)  # noqa: S311
        with runner.cluster(parsed_args.full, plane=parsed_args.plane) as site:
            ends = time.monotonic() + 60 * parsed_args.minutes
            while time.monotonic() < ends:
                row = runner.told(site, chance.choice(drills), parsed_args.full, rules.broken)
                rows.append(row)
        return self.judged(rows)
