"""``arpanet hold`` and ``arpanet clear``: what runs in the ambassador's other containers."""

import signal
from argparse import Namespace

from arpanet import ArpanetError, Command

__all__ = ["Clear", "Hold"]


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


class Clear(Command):
    """Take every link out of this host's containers; 'slave stop' calls it."""

    hidden = True

    def take_action(self, parsed_args: Namespace) -> None:
        """Clear."""
        from arpanet_ambassador.clearing import clear

        if troubles := clear(self.app.context.engine):
            every = "; ".join(f"{name}: {troubles[name]}" for name in sorted(troubles))
            raise ArpanetError(every, "restart these containers")
