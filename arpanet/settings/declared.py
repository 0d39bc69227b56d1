"""Declared settings and their values.

A consumer declares a :class:`Setting` beside the code that reads it, and reads it with
``settings[SETTING]``.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from arpanet.errors import ArpanetError, SettingsError

__all__ = ["Setting", "Settings", "Source"]

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One variable.

    :ivar parse: text -> value; raises ``ValueError`` with "must be ..." when it makes no sense.
    :ivar default: the text that stands in when it is not set, or a function of the other settings
        that finds it (called on first use, since finding it may fail).
    :ivar help: one sentence for ``arpanet config`` and the documentation.
    """

    name: str
    parse: Callable[[str], T]
    default: "str | Callable[[Settings], str]"
    help: str


@dataclass(frozen=True)
class Source:
    """A text and its origin: ``option``, ``~/.arpanetrc:3``, ``environment`` or ``default``."""

    text: str
    origin: str


#: What wins over what; between the two stands the file, whose origin names a line.
RANKS = {"option": 3, "environment": 1}


def _rank(source: Source | None) -> int:
    return 0 if source is None else RANKS.get(source.origin, 2)


class _Broken(SettingsError):
    """A plugin's own code failed."""

    def __init__(self, what: str, problem: Exception) -> None:
        said = f"{what}: the plugin that declares it failed with {type(problem).__name__}"
        super().__init__(f"{said}: {problem}", "ARPANET_PLUGINS_BLOCKED leaves a plugin out")


class Settings(Mapping[Setting[Any], Any]):
    """The declared settings and their values; immutable; equal when all explicit texts are."""

    def __init__(self, declared: Iterable[Setting[Any]], given: Mapping[str, Source]) -> None:
        self._declared: dict[str, Setting[Any]] = {}
        for setting in declared:
            if self._declared.setdefault(setting.name, setting) is not setting:
                raise SettingsError(f"setting {setting.name} is declared by two plugins")
        self._given = {name: given[name] for name in self._declared if name in given}
        self._values: dict[Setting[Any], Any] = {}

    def __getitem__(self, setting: Setting[T]) -> T:
        if setting not in self._values:
            source = self.source(setting)
            where = f"{source.origin}: " if source.origin != "default" else ""
            where += f"{setting.name}={source.text!r}"
            try:
                self._values[setting] = setting.parse(source.text)
            except ValueError as problem:
                raise SettingsError(f"{where} {problem}", "change or remove it") from problem
            except ArpanetError:
                raise
            except Exception as problem:  # a plugin's own code
                raise _Broken(where, problem) from problem
        return cast(T, self._values[setting])

    def __iter__(self) -> Any:
        return iter(self._declared.values())

    def __len__(self) -> int:
        return len(self._declared)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self.explicit() == other.explicit()

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.explicit().items())))

    def source(self, setting: Setting[Any]) -> Source:
        """Return the text of *setting* and where it came from."""
        if given := self._given.get(setting.name):
            return given
        default = setting.default
        try:
            return Source(default(self) if callable(default) else default, "default")
        except ArpanetError:
            raise
        except Exception as problem:  # a plugin's own code
            raise _Broken(f"{setting.name} has no default", problem) from problem

    def validate(self) -> None:
        """Parse everything that was given; defaults are looked at when they are used.

        :raises SettingsError: the first that makes no sense.
        """
        for name in self._given:
            self[self._declared[name]]

    def explicit(self) -> dict[str, str]:
        """Return name -> text of all that was given rather than defaulted."""
        return {name: source.text for name, source in self._given.items()}

    def given(self) -> dict[str, Source]:
        """Return name -> text and origin of all that was given rather than defaulted."""
        return dict(self._given)

    def repeating(self, before: Mapping[str, Source]) -> "Settings":
        """Return these with what *before* had from an option or the environment, and these lack.

        An option wins over the file, and the file over the environment, as always; of two options,
        or two environments, these win. So a start can be repeated by somebody who has only the
        file: the watcher, or ``status`` in another shell.
        """
        kept = {
            name: source
            for name, source in before.items()
            if source.origin in RANKS and _rank(source) > _rank(self._given.get(name))
        }
        return Settings(self, {**self._given, **kept})

    def environment(self) -> dict[str, str]:
        """Return what a node container's environment must hold to see these very values.

        Defaults that are found on this host (its address, its name) are spelled out, since a
        container would find others. One whose plugin fails is left out: others are to start.
        """
        found = {}
        for setting in self:
            if callable(setting.default):
                try:
                    found[setting.name] = self.source(setting).text
                except _Broken as problem:
                    log.error("%s", problem)
        return {name: text for name, text in {**found, **self.explicit()}.items() if text}

    def changes(self, other: "Settings") -> list[str]:
        """Return the names whose given text differs in *other*, sorted."""
        mine, theirs = self.explicit(), other.explicit()
        return sorted(n for n in mine.keys() | theirs.keys() if mine.get(n) != theirs.get(n))
