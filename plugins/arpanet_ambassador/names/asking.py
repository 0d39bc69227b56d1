"""All that links need to be asked of others: DNS and plugins, each by its own thread."""

from collections.abc import Collection, Mapping

from arpanet import Context
from arpanet_ambassador.links.resolve import Answer, Answers, Question
from arpanet_ambassador.links.specs import Foreign
from arpanet_ambassador.names import foreign
from arpanet_ambassador.names.lookups import Lookups

__all__ = ["Asking"]


class Asking:
    """Sorts questions by whom they go to; an answer that changed wakes the agent."""

    def __init__(self, context: Context) -> None:
        self._dns = Lookups("DNS", _ask_dns, context.wake)
        self._foreign = Lookups("plugins", foreign.asking(context), context.wake)

    @property
    def answers(self) -> Answers:
        """What was last said; may be read from any thread."""
        return {**self._dns.answers, **self._foreign.answers}

    def want(self, questions: frozenset[Question]) -> None:
        """Keep answers of *questions* fresh, and forget all others. Returns at once."""
        plugins = frozenset(one for one in questions if isinstance(one, Foreign))
        self._foreign.want(plugins)
        self._dns.want(questions - plugins)

    def plugins_again(self) -> None:
        """Ask plugins anew; may be called from any thread."""
        self._foreign.again()


def _ask_dns(questions: Collection[Question]) -> Mapping[Question, Answer]:
    from arpanet_ambassador.names import dns  # takes 3 MB, and few hosts have links by such names

    return dns.ask_all(questions)
