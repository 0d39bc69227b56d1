"""``arpanet hold``: what runs in the container that clients link to."""

import signal
from argparse import Namespace

from arpanet import Command

__all__ = ["Hold"]


class Hold(Command):
    """Keep a name and an address for the ambassador; 'slave start' calls it."""

    hidden = True

    def take_action(self, parsed_args: Namespace) -> None:
        """Do nothing until SIGTERM."""
        ends = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # else process 1 never hears of them
        self.app.stdout.write("a name and an address; the ambassador runs in another container\n")
        self.app.stdout.flush()
        signal.sigwait(ends)
