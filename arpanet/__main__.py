"""``python -m arpanet``: the command line, also what node containers run."""

import sys

from arpanet.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
