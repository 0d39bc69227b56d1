"""What a person who waits sees: a line that moves on a terminal, a plain one in a pipe or a log,
where it is written when it has been waited for as long as :data:`PATIENCE`.

One mechanism for all that takes more than a second, and for everybody: ``context.progress``. Words
that are logged meanwhile stand above the moving line, which leaves nothing behind.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # 0.1 s, for nothing in a pipe
    from rich.progress import Progress as Lines

__all__ = ["Progress"]

log = logging.getLogger(__name__)

#: Seconds that need no word.
PATIENCE = 1.0


class Progress:
    """Says what is being waited for; one may be shown within another.

    :ivar say: says one line: what has happened, and where nothing can move what is waited for.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self._lines: Lines | None = None

    def moving(self, what: str) -> AbstractContextManager[Callable[[str], None]]:
        """Show *what* on a terminal only: of what answers a script, too."""
        return self(what) if _moving() else nullcontext(_nothing)

    @contextmanager
    def __call__(self, what: str) -> Iterator[Callable[[str], None]]:
        """Show *what*, as ``pulling redis:7``, until the end of the ``with`` block.

        Yields a function that takes how far it is, as ``3 of 12 MB``; a pipe doesn't get to see it.
        """
        if not _moving():
            late = threading.Timer(PATIENCE, self.say, [what])
            late.daemon = True
            late.start()
            try:
                yield _nothing
            finally:
                late.cancel()
                late.join()  # its line may be under way: what went wrong comes after it
            return
        outermost, lines = self._lines is None, self._lines or _lines()
        self._lines = lines
        task = lines.add_task(what)
        if outermost:
            lines.start()
        try:
            yield lambda far: lines.update(task, description=f"{what}: {far}")
        finally:
            lines.remove_task(task)
            if outermost:
                lines.stop()
                self._lines = None


def _nothing(_far: str) -> None:
    """A line in a pipe stays as it is."""


def _moving() -> bool:
    """Whether somebody looks, at something that can move, and did not ask for quiet."""
    dumb = os.environ.get("TERM", "dumb") == "dumb"
    return not dumb and sys.stderr.isatty() and log.isEnabledFor(logging.INFO)


def _lines() -> "Lines":
    from rich.console import Console
    from rich.progress import Progress as Lines
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    return Lines(*columns, console=Console(stderr=True), transient=True)
