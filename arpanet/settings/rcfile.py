"""``~/.arpanetrc``: shell assignments, parsed and never executed.

Understood is what people write in such a file: ``A=b``, ``export A=b``, single and double quotes,
backslashes, comments, ``$A``, ``${A}``, ``${A:-default}`` and several assignments to a line split
by ``;`` or blanks. Anything else is an error with file and line: the watcher re-reads this file as
root, and a value that arpanet guessed wrong is worse than one it refuses.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from arpanet.errors import SettingsError

__all__ = ["Assignment", "parse", "read"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(\}|:?-)")
_BLANK = re.compile(r"[ \t]*")
#: What a shell would act on, and this parser does not.
_SPECIAL = frozenset("`|&<>()")
#: What ``$`` means more than a variable before: ``$(...)``, ``$1``, ``$$`` and their like.
_EXPANSIONS = frozenset("({0123456789@*#?$!-")


@dataclass(frozen=True)
class Assignment:
    """A value and the line that gave it."""

    value: str
    line: int


def read(path: Path, environment: Mapping[str, str]) -> dict[str, Assignment]:
    """Return what *path* assigns; nothing when there is no such file.

    :param environment: what ``$A`` means before the file assigns ``A``.
    :raises SettingsError: malformed, unreadable, or writable by others than its owner.
    """
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise SettingsError(
                    f"{path} may be written by others (mode {stat.S_IMODE(mode):04o})",
                    f"run 'chmod go-w {path}'",
                )
            text = file.read()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingsError(f"{path} cannot be read: {problem}") from problem
    return parse(text, environment, str(path))


def parse(text: str, environment: Mapping[str, str], path: str) -> dict[str, Assignment]:
    """Return name -> assignment, the last one of a name winning, as a shell would have it.

    :param path: named in errors, as ``path:line``.
    :raises SettingsError: anything but assignments.
    """
    found: dict[str, Assignment] = {}
    known = dict(environment)
    for name, value, line in _Parser(text, known, path).assignments():
        known[name] = value
        found[name] = Assignment(value, line)
    return found


class _Parser:
    def __init__(self, text: str, known: Mapping[str, str], path: str) -> None:
        self.text, self.known, self.path = text, known, path
        self.at = 0

    def assignments(self) -> Iterator[tuple[str, str, int]]:
        while True:
            self._skip(_BLANK)
            if self.at >= len(self.text):
                return
            if self._peek() in "\n;":
                self.at += 1
            elif self._peek() == "#":
                self._skip(re.compile(r"[^\n]*"))
            else:
                yield from self._statement()

    def _statement(self) -> Iterator[tuple[str, str, int]]:
        exported = self._skip(re.compile(r"export[ \t]+"))
        line = self._line()
        name = self._skip(_NAME)
        if not name or (self._peek() != "=" and not exported):
            word = self._skip(re.compile(r"[^\n]{0,40}"))
            raise self._error(f"only assignments (NAME=value) are understood, not '{name}{word}'")
        if self._peek() != "=":  # "export NAME" alone changes nothing here
            return
        self.at += 1
        yield name, self._value(), line

    def _value(self) -> str:
        parts = []
        if self._peek() == "~":
            raise self._error("'~' is not understood, write $HOME")
        while (char := self._peek()) and char not in " \t\n;":
            self.at += 1
            if char == "'":
                parts.append(self._single())
            elif char == '"':
                parts.append(self._double())
            elif char == "\\":
                parts.append(self._escaped())
            elif char == "$":
                parts.append(self._expansion())
            elif char in _SPECIAL:
                raise self._error(f"'{char}' is not understood: this file is read, never executed")
            else:
                parts.append(char)
        return "".join(parts)

    def _single(self) -> str:
        end = self.text.find("'", self.at)
        if end < 0:
            raise self._error("a ' is never closed")
        value, self.at = self.text[self.at : end], end + 1
        return value

    def _double(self) -> str:
        parts = []
        opened = self.at
        while (char := self._peek()) != '"':
            if not char:
                self.at = opened
                raise self._error('a " is never closed')
            self.at += 1
            if char == "\\" and self._peek() and self._peek() in '"\\$`\n':
                parts.append(self._escaped())
            elif char == "$":
                parts.append(self._expansion())
            elif char == "`":
                raise self._error("'`' is not understood: this file is read, never executed")
            else:
                parts.append(char)
        self.at += 1
        return "".join(parts)

    def _escaped(self) -> str:
        char = self._peek()
        self.at += 1
        return "" if char == "\n" else char

    def _expansion(self) -> str:
        if braced := _BRACED.match(self.text, self.at):
            self.at = braced.end()
            name, operator = braced.groups()
            default = "" if operator == "}" else self._default()
            value = self.known.get(name)
            return default if value is None or (operator == ":-" and not value) else value
        if name := self._skip(_NAME):
            return self.known.get(name, "")
        if self._peek() in _EXPANSIONS:
            raise self._error(
                f"'${self._peek()}' is not understood: this file is read, never executed"
            )
        return "$"

    def _default(self) -> str:
        parts = []
        while (char := self._peek()) != "}":
            if not char or char in "\n'\"\\`":
                raise self._error("a ${ is never closed, or there are quotes in it")
            self.at += 1
            parts.append(self._expansion() if char == "$" else char)
        self.at += 1
        return "".join(parts)

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            return ""
        self.at = match.end()
        return match.group()

    def _line(self) -> int:
        return self.text.count("\n", 0, min(self.at, len(self.text))) + 1

    def _error(self, what: str) -> SettingsError:
        return SettingsError(f"{self.path}:{self._line()}: {what}", "edit that line")
