"""Where words go: a terminal's stderr, or an agent's log."""

import json
import logging
import sys
import time
from collections.abc import Collection
from typing import TextIO

__all__ = ["plain", "to_log", "to_terminal"]


def plain(text: str, but: str = "") -> str:
    """Return *text* without what steers a terminal: others may have written of it.

    :param but: characters that may stay, as ``"\\n"``.
    """
    if text.isprintable():
        return text
    mark = "\N{REPLACEMENT CHARACTER}"
    return "".join(one if one.isprintable() or one in but else mark for one in text)


def to_terminal(verbose: bool = False, quiet: bool = False) -> None:
    """Send what a person should know to stderr: one line each, no decoration."""
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    _configure(_Text("%(message)s"), level)


def to_log(form: str, trace: str = "off", packages: Collection[str] | None = None) -> None:
    """Send an agent's log to stderr, one line for each change.

    :param form: ``text``, or ``json`` with the keys ``time level part message``.
    :param trace: ``hooks``: each call of a hook is told, too.
    :param packages: whose words are heard; else arpanet's own and its plugins', which takes a look
        at all that is installed.
    """
    text = _Text("%(asctime)s %(levelname)s %(message)s")
    _configure(_Json() if form == "json" else text, logging.INFO, packages)
    logging.getLogger("arpanet.trace").setLevel(
        logging.DEBUG if trace == "hooks" else logging.NOTSET
    )


def _configure(
    formatter: logging.Formatter, level: int, packages: Collection[str] | None = None
) -> None:
    handler = _ToStderr()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    # libraries report what they retry; whether it matters is for their callers here to say
    root.setLevel(logging.ERROR)
    for package in _packages() if packages is None else packages:
        logging.getLogger(package).setLevel(level)


def _packages() -> set[str]:
    """Return whose words are heard: arpanet's own and its plugins', a third party's as well."""
    from arpanet.entrypoints import PLUGINS, installed

    return {"arpanet", *(point.module.partition(".")[0] for point in installed(PLUGINS))}


class _ToStderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at that moment: where a line moves, others go above it."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _Text(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's own name
        return plain(super().formatMessage(record), "\n\t")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "part": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)
