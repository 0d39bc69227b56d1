"""Where ``arpanet`` and ``python -m arpanet`` begin; node containers run the latter."""

import sys

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run ``arpanet``; returns the exit code.

    Everything is imported in here, so that Ctrl-C is one line at any moment.
    """
    try:
        from arpanet.cli import app

        return app.main(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        words = "arpanet: interrupted; the same command, run again, goes on from here"
        print(words, file=sys.stderr)  # noqa: T201  (logging may not be set up yet)
        return 130  # 128 + SIGINT, as shells have it


if __name__ == "__main__":
    sys.exit(main())
