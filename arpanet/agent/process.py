"""The agent's own process: what the supervisor starts.

Without cliff and its commands, which an agent needs nothing of: it begins within a second.
"""

import gc
import json
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arpanet.agent.box import Box

__all__ = ["main"]

log = logging.getLogger("arpanet.agent")


def main(argv: list[str]) -> int:
    """Run an agent until SIGTERM; returns the exit code.

    All of arpanet is imported in here. What that makes stays: the garbage collector need not look
    at it again and again while it grows, nor ever after (:meth:`arpanet.agent.loop.Agent.run`).

    :param argv: its name, the descriptor of its box, and what the supervisor knows, as JSON.
    """
    gc.disable()
    from arpanet import logs
    from arpanet.agent.box import Box
    from arpanet.errors import ArpanetError, ExitCode

    name, fd, told = argv
    box = Box(int(fd))
    os.set_inheritable(int(fd), False)
    logs.to_log(os.environ.get("ARPANET_LOG", ""))
    try:
        _run(name, box, json.loads(told))
    except ArpanetError as problem:
        log.error("%s", problem)
        box.forget()
        return int(problem.exit_code)
    except Exception:
        log.exception("the %s agent failed", name)
        box.forget()
        return int(ExitCode.FAILED)
    return int(ExitCode.DONE)


def _run(name: str, box: "Box", told: dict[str, Any]) -> None:
    from arpanet import events, logs, plugins, settings
    from arpanet.agent import loop
    from arpanet.context import Context

    left_out: dict[str, str] = told["left_out"]
    blocked = settings.load([settings.ARPANET_PLUGINS_BLOCKED], partly=True)[
        settings.ARPANET_PLUGINS_BLOCKED
    ]
    manager, report = plugins.load(name, blocked, left_out=left_out, mark=box.calling)
    for one in report:
        if one.error:
            log.error("plugin %s was left out: %s", one.name, one.error)
    strangers = [one.name for one in report if one.runs and not one.builtin]
    bus = events.Bus(manager, strangers=strangers, mark=box.calling)
    found = settings.load(settings.declared(bus))
    logs.to_log(found[settings.ARPANET_LOG], found[settings.ARPANET_TRACE])
    context = Context(found, bus, log.info, name)
    try:
        loop.run(context, box, told)
    finally:
        context.close()


if __name__ == "__main__":
    # what a plugin left running must not keep an agent that has ended
    code = main(sys.argv[1:])
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)
