"""Where ``arpanet`` and ``python -m arpanet`` begin; node containers run the latter."""

import atexit
import gc
import sys

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run ``arpanet``; returns the exit code.

    Everything is imported in here, so that Ctrl-C is one line at any moment.
    """
    argv = sys.argv[1:] if argv is None else argv
    try:
        if argv[:1] == ["agent"] and len(argv) == 2 and not argv[1].startswith("-"):
            # process 1 of a node container stays for ever: it does without the command line
            from arpanet.agent import supervisor

            return supervisor.main(argv[1])
        # at its end the interpreter looks for garbage among all that was imported, more than once:
        # a fifth of a short command's time, for memory that the system takes back anyway
        atexit.register(gc.freeze)
        # and while it runs after each few hundred new ones, of which imports make tens of
        # thousands that stay; who lives longer than a command looks again (arpanet.cli.node)
        gc.set_threshold(100_000)
        from arpanet.cli import app

        return app.main(argv)
    except KeyboardInterrupt:
        words = "arpanet: interrupted; the same command, run again, goes on from here"
        print(words, file=sys.stderr)  # noqa: T201  (logging may not be set up yet)
        return 130  # 128 + SIGINT, as shells have it


if __name__ == "__main__":
    sys.exit(main())
