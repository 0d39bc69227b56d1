"""Whether clients that dial in their first instruction are served, and what that costs their start.

``python -m contrib.bench.oneshot``; see README.md beside this file.
"""

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from arpanet_lab.host import Host
from arpanet_lab.lab import Lab

from arpanet import ArpanetError
from contrib.bench import stage
from contrib.bench.shots import FORMS, KINDS, PLANES, SERVED, Cell, Shot, cells, report

log = logging.getLogger("arpanet.bench")

IMAGE = "first"
#: What the servers listen on, and where that is published.
PORT, PUBLISHED = 7000, 10000
#: What clients dial: each cell another port, which nobody has declared before.
FIRST_PORT = 20000
#: How many linked clients there are for each plain one.
PLAIN_EVERY = 4
BUSY = [sys.executable, "-c", "while True: pass"]

Fire = Callable[[int], Shot]


def main() -> int:
    """Try and print; return 1 when somebody was not served."""
    options = _options()
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    chosen = cells(options.plane, options.form, options.kind, options.at_once, options.busy)
    found = []
    try:
        with (
            tempfile.TemporaryDirectory() as place,
            stage.hosts_of(options.lab, 2) as hosts,
        ):
            range_ = Range(hosts, compiled(Path(place)))
            Lab(options.lab).load_programs(IMAGE, (range_.program, "sleep"))
            range_.prepare()
            for number, cell in enumerate(chosen):
                range_.use(cell.plane)
                linked, plain = range_.tried(cell, options.runs, FIRST_PORT + 20 * number)
                found.append((cell, linked, plain))
                served = sum(one.said == SERVED for one in linked)
                log.info("load %s  %s: %d of %d", stage.load(), cell, served, len(linked))
    except ArpanetError as problem:
        log.error("%s", problem)
        return 1
    finally:
        if found:
            print(report(found))
    return int(any(one.said != SERVED for _, linked, _ in found for one in linked))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m contrib.bench.oneshot", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="clients for each line of the table")
    for what, every in (("plane", PLANES), ("form", tuple(FORMS)), ("kind", KINDS)):
        words = "instead of all"
        parser.add_argument(f"--{what}", nargs="+", choices=every, default=every, help=words)
    for what, numbers in (("at-once", (1, 10)), ("busy", (0, 2))):
        parser.add_argument(f"--{what}", nargs="+", type=int, default=numbers, metavar="N")
    parser.add_argument("--lab", default="b-oneshot", help="the lab's name")
    return parser.parse_args()


def compiled(place: Path) -> Path:
    """Return the program of first.c, made in *place*."""
    program = place / "first"
    source = Path(__file__).with_name("first.c")
    subprocess.run(["cc", "-O2", "-Wall", "-o", program, source], check=True)
    return program


@contextmanager
def loops(count: int) -> Iterator[None]:
    """Have *count* processes that do nothing but keep a processor busy."""
    running = [subprocess.Popen(BUSY) for _ in range(count)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


class Range:
    """Two hosts: servers on the first, clients on the second.

    :param program: what first.c was compiled to.
    """

    def __init__(self, hosts: Sequence[Host], program: Path) -> None:
        self._hosts, self._servers, self._host = hosts, *hosts
        self.program = str(program)
        self._plane = ""

    def prepare(self) -> None:
        """Start arpanet, the servers, and what guests live in."""
        stage.arpanet(self._hosts, masters=1, more={})
        for number, (name, protocol) in enumerate((("first", "tcp"), ("second", "udp"))):
            publish = f"{PUBLISHED + number}:{PORT}/{protocol}"
            run = f"{self.program} serve {PORT}"
            stage.run_container(self._servers, name, "-p", publish, image=IMAGE, run=run)
        stage.run_container(self._host, "home", image=IMAGE)

    def use(self, plane: str) -> None:
        """Have no other plane than this on the clients' host."""
        if plane == self._plane:
            return
        stage.write_settings(self._host, [self._servers], ARPANET_PLANE=plane)
        self._host.run(["arpanet", "slave", "start"], timeout=stage.PATIENCE)
        stage.docker(self._host, "rm", "-f", "canary")
        canary = FORMS["variable"].options.format(port=1000).split()
        stage.run_container(self._host, "canary", *canary, image=IMAGE)
        deadline = time.monotonic() + stage.PATIENCE
        while self._carriers() != {(plane, "")}:
            if time.monotonic() > deadline:
                raise ArpanetError(f"the {plane} plane never carried a link")
            time.sleep(0.5)
        self._plane = plane

    def _carriers(self) -> set[tuple[str, str]]:
        done = self._host.run(["arpanet", "links", "-f", "json"], check=False)
        rows = json.loads(done.stdout) if not done.returncode else []
        return {(row["plane"], row["error"]) for row in rows if row["client"] == "canary"}

    def tried(self, cell: Cell, runs: int, port: int) -> tuple[list[Shot], list[Shot]]:
        """Return what *runs* clients came to, and the plain ones that ran between them.

        :param port: the first of as many as there are clients at once.
        """
        fires = self._restarts if cell.kind == "restart" else self._runs
        linked, plain = fires(cell, port)
        jobs: list[Fire] = []
        for number in range(runs):
            jobs.append(linked)
            if number % PLAIN_EVERY == PLAIN_EVERY - 1 or number == runs - 1:
                jobs.append(plain)
        with loops(cell.busy), ThreadPoolExecutor(cell.at_once) as pool:
            shots = list(pool.map(lambda job: job[1](job[0]), enumerate(jobs)))
        self._remove()
        pairs = list(zip(jobs, shots, strict=True))
        return [s for job, s in pairs if job is linked], [s for job, s in pairs if job is plain]

    def _plain(self, cell: Cell) -> list[str]:
        """Return what dials without a link."""
        udp = FORMS[cell.form].protocol == "udp"
        return [self.program, "udp" if udp else "tcp", self._servers.ip, str(PUBLISHED + udp)]

    def _linked(self, cell: Cell, port: int) -> list[str]:
        form = FORMS[cell.form]
        return [self.program, form.protocol, form.host, str(port)]

    # -- containers that end ---------------------------------------------------------------------

    def _runs(self, cell: Cell, port: int) -> tuple[Fire, Fire]:
        where = ["--network", "container:home"] if cell.kind == "guest" else []

        def linked(number: int) -> Shot:
            mine = port + number % cell.at_once
            options = [*where, *FORMS[cell.form].options.format(port=mine).split()]
            return self._run(options, self._linked(cell, mine))

        return linked, lambda _: self._run(where, self._plain(cell))

    def _run(self, options: Sequence[str], command: Sequence[str]) -> Shot:
        began = time.monotonic()
        words = ["docker", "run", "--rm", *options, IMAGE, *command]
        done = self._host.run(words, check=False, timeout=stage.PATIENCE)
        return Shot(_last(done.stdout + done.stderr), time.monotonic() - began)

    # -- containers that start again -------------------------------------------------------------

    def _restarts(self, cell: Cell, port: int) -> tuple[Fire, Fire]:
        said = self._host.home / "said"
        said.mkdir(exist_ok=True)
        free: dict[bool, list[str]] = {True: [], False: []}
        for number in range(cell.at_once):
            form = FORMS[cell.form].options.format(port=port + number).split()
            kinds = (("linked", form, self._linked(cell, port + number)),)
            for name, options, command in (*kinds, ("plain", [], self._plain(cell))):
                name = f"{name}{number}"
                (said / name).write_text("")
                mount = ["-v", f"{said}:/said"]
                run = " ".join([*command, f"/said/{name}"])
                stage.run_container(self._host, name, *mount, *options, image=IMAGE, run=run)
                self._word(said / name, 0)
                free[name.startswith("linked")].append(name)

        def fire(linked: bool) -> Shot:
            name = free[linked].pop()  # as many as there are threads: there is one
            before = len((said / name).read_text())
            began = time.monotonic()
            stage.docker(self._host, "restart", "-t", "0", name, timeout=stage.PATIENCE)
            shot = Shot(self._word(said / name, before), time.monotonic() - began)
            free[linked].append(name)
            return shot

        return lambda _: fire(True), lambda _: fire(False)

    def _word(self, path: Path, before: int) -> str:
        """Wait for what is added to a file that had so many characters."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if (text := path.read_text()[before:]).endswith("\n"):
                return _last(text)
            time.sleep(0.01)
        return "no word"

    def _remove(self) -> None:
        listed = stage.docker(self._host, "ps", "-aq", "--filter", "name=^(linked|plain)[0-9]+$")
        if listed:
            stage.docker(self._host, "rm", "-f", *listed.split())


def _last(text: str) -> str:
    """Return the last line, as a cell of a table takes it."""
    return (text.strip().splitlines() or ["nothing"])[-1].replace("|", "/")


if __name__ == "__main__":
    sys.exit(main())
