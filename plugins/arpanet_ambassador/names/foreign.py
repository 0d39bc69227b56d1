"""Values that only a plugin knows: asked of ``arpanet_backends``."""

from collections.abc import Collection, Mapping, Sequence

from arpanet import Context
from arpanet_ambassador.links.resolve import Answer, Question
from arpanet_ambassador.links.specs import Foreign
from arpanet_ambassador.names.lookups import Ask

__all__ = ["asking", "read"]


def asking(context: Context) -> Ask:
    """Return what asks the plugins of *context* for values, one after the other."""

    def ask(questions: Collection[Question]) -> Mapping[Question, Answer]:
        return {
            one: read(one, context.bus.first("arpanet_backends", context=context, spec=one.text))
            for one in questions
            if isinstance(one, Foreign)
        }

    return ask


def read(spec: Foreign, answer: object) -> Answer:
    """Return what a plugin said of *spec*, or one sentence that says what is wrong with it."""
    if answer is None:
        return (
            f"'{spec.text}' is no address with a port, and no plugin of the ambassador's agent "
            f"knows what {spec.kind}: is"
        )
    if isinstance(answer, str):
        return answer
    if not isinstance(answer, Sequence) or not all(map(_is_pair, answer)):
        return f"a plugin answered {str(answer)[:60]!r} for {spec.text}, and not (ip, port) pairs"
    return tuple((ip, port) for ip, port in answer)


def _is_pair(one: object) -> bool:
    if not (isinstance(one, tuple | list) and len(one) == 2):
        return False
    ip, port = one
    return isinstance(ip, str) and type(port) is int
