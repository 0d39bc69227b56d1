"""``python -m contrib.matrix PLACE [SUITE|ETCD…] [-- PYTEST WORDS…]``: see README.md there."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from contrib.matrix import suites

#: The system's own programs, then those of releases that come after it.
SUITES = ("system", "trixie", "sid")
TESTS = ("tests/services", "tests/lab")
HEAD = ("release", "etcd", "dockerd", "containerd", "runc")
COUNTED = ("passed", "failed", "skipped", "minutes")


def main(place: Path, names: list[str], words: list[str]) -> int:
    """Run the tests on the versions of each of *names*, or of :data:`SUITES`; print a table.

    :param names: of releases, or paths of an etcd.
    """
    if os.geteuid():
        sys.exit("needs root")
    rows: list[tuple[str, ...]] = [(*HEAD, *COUNTED), ("---",) * len(HEAD + COUNTED)]
    codes = []
    for name in names or SUITES:
        mine = place / name.strip("/").replace("/", "-")
        root = None if name == "system" else suites.root(name, mine)
        found = suites.versions(root)
        print(f"== {name}: {' '.join(map(' '.join, found.items()))}", flush=True)
        report = place / f"{mine.name}.xml"
        codes.append(_test(root, report, words))
        rows.append((name, *found.values(), *_counts(report)))
    print("\n".join(f"| {' | '.join(row)} |" for row in rows))
    return max(codes)


def _test(root: Path | None, report: Path, words: list[str]) -> int:
    report.unlink(missing_ok=True)
    # not python -m: what is installed is tested, not what lies in the working directory
    pytest = [str(Path(sys.executable).with_name("pytest")), f"--junitxml={report}"]
    pytest += ["-n", os.environ.get("TEST_WORKERS", "4"), *(words or TESTS)]
    return subprocess.run(suites.within(root, pytest)).returncode


def _counts(report: Path) -> tuple[str, ...]:
    """Return what became of the tests, in the order of :data:`COUNTED`."""
    if not report.exists():
        return ("?",) * len(COUNTED)
    suite = next(ElementTree.parse(report).iter("testsuite")).attrib  # noqa: S314  (our own file)
    total, skipped = int(suite["tests"]), int(suite["skipped"])
    failed = int(suite["failures"]) + int(suite["errors"])
    minutes = f"{float(suite['time']) / 60:.1f}"
    return str(total - failed - skipped), str(failed), str(skipped), minutes


if __name__ == "__main__":
    given = sys.argv[2:]
    end = given.index("--") if "--" in given else len(given)
    sys.exit(main(Path(sys.argv[1]), given[:end], given[end + 1 :]))
