"""``arpanet complete``: what has a shell complete commands and options."""

from argparse import Namespace
from typing import Any

from cliff import complete

from arpanet.errors import PluginError

__all__ = ["Complete"]


class Complete(complete.CompleteCommand):
    """Print what has bash complete commands and options: source <(arpanet complete).

    Needs bash-completion. It names the commands that there are when it is called: call it again
    when plugins were installed.
    """

    app: Any  # the app makes it known: it imports this module

    def take_action(self, parsed_args: Namespace) -> int:
        """Print it, for each command that 'arpanet help' lists and that can be loaded."""
        name: str = parsed_args.name or self.app.NAME
        words: Any = complete.CompleteDictionary()
        first = set()
        for listed, _ in self.app.command_manager.listed():
            try:
                words.add_command(listed.split(), self.get_actions(listed.split()))
            except PluginError:  # 'arpanet help' says what is wrong with it
                continue
            first.add(listed.split()[0])
        shell = self._formatters[parsed_args.shell].plugin(name, self.app.stdout)
        # cliff's own list has what is below a command that is one itself, as 'certs_issue'
        shell.write(" ".join(sorted(first)), words.get_data())
        return 0
