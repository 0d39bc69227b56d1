"""What hooks return, checked where it returns; pure.

A plugin that answers with garbage is named at once, rather than where somebody else stumbles.
"""

import inspect
from collections.abc import Iterable
from dataclasses import fields
from itertools import islice
from typing import Any, get_type_hints

from arpanet.errors import PluginError
from arpanet.records import Formation, Link, Member, Status
from arpanet.settings import Setting

__all__ = ["GENERATORS", "LIMIT", "checked"]

#: How many records an answer may have: a generator may have no end.
LIMIT = 100_000
#: The states that a line of ``arpanet status`` may have.
STATES = ("ok", "degraded", "down", "absent")
#: What an answer must be able to do that is no list of records: see
#: :class:`arpanet.registry.Registry` and :class:`arpanet.vault.Vault`.
METHODS = {
    "arpanet_registry": (
        *("read", "follow", "session", "check"),
        *("withdraw", "leader", "silences", "close"),
    ),
    "arpanet_vault": ("read", "list", "write", "delete", "follow", "close"),
}


def checked(hook: str, answer: Any) -> Any:
    """Return what an implementation of *hook* answered; records as a tuple.

    :raises PluginError: it is not what the hook asks for.
    """
    if answer is None:
        return None
    if record := _RECORDS.get(hook):
        return _records(answer, record)
    if hook == "arpanet_master_meet" and not isinstance(answer, Formation):
        raise PluginError(f"returned {_short(answer)}, not a Formation")
    if methods := METHODS.get(hook):
        missing = [name for name in methods if not callable(getattr(answer, name, None))]
        if missing:
            raise PluginError(f"returned {_short(answer)}, which has no {', '.join(missing)}()")
    if inspect.isgenerator(answer) or inspect.isawaitable(answer):
        close = getattr(answer, "close", None)
        if close:
            close()  # else Python complains later that nobody awaited it
        raise PluginError(f"returned {_short(answer)}, of which nothing has run")
    return answer


def _records(answer: Any, record: type) -> tuple[Any, ...]:
    if isinstance(answer, str | bytes) or not isinstance(answer, Iterable):
        raise PluginError(f"returned {_short(answer)}, not a list of {record.__name__}")
    found = tuple(islice(answer, LIMIT + 1))  # a generator runs here, within the hook's call
    if len(found) > LIMIT:
        raise PluginError(f"returned more than {LIMIT} of {record.__name__}")
    for one in found:
        if not isinstance(one, record):
            raise PluginError(f"returned {_short(one)} among its {record.__name__}s")
        _check_fields(one)
    return found


def _check_fields(one: Any) -> None:
    """Look at plain fields: text and numbers, which end up in tables."""
    hints = get_type_hints(type(one))
    for field in fields(one):
        value, kind = getattr(one, field.name), hints[field.name]
        if kind in (str, int, bool) and not isinstance(value, kind):
            what = f"{type(one).__name__}.{field.name}"
            raise PluginError(f"returned {what} = {_short(value)}, which is no {kind.__name__}")
    if isinstance(one, Status) and one.state not in STATES:
        raise PluginError(f"returned the state {_short(one.state)}, not one of {', '.join(STATES)}")
    if isinstance(one, Setting) and not (callable(one.parse) and one.name):
        raise PluginError(f"returned the setting {_short(one.name)}, whose values nothing parses")


def _short(value: Any) -> str:
    try:
        text = " ".join(repr(value).split())
    except Exception:  # whatever it is, its repr is no better
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


_RECORDS: dict[str, type] = {
    "arpanet_settings": Setting,
    "arpanet_links": Link,
    "arpanet_masters": Member,
    "arpanet_status": Status,
}
#: Hooks that may be generators: their answers are gone through.
GENERATORS = frozenset(_RECORDS)
