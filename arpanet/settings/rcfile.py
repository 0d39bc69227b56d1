"""``~/.arpanetrc``: shell assignments, parsed and never executed.

Understood is what people write in such a file: ``A=b``, ``export A=b``, single and double quotes,
backslashes, comments, ``$A``, ``${A}``, ``${A:-default}`` and several assignments to a line split
by ``;`` or blanks. What is understood means what bash makes of it; anything else is an error with
file and line: the watcher re-reads this file as root, and a value that arpanet guessed wrong is
worse than one it refuses.
"""

import os
import pwd
import re
import socket
import stat
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from arpanet.errors import SettingsError

__all__ = ["Assignment", "check_owner", "parse", "read"]

_LETTERS = frozenset(string.ascii_letters + "_")
_LETTERS_DIGITS = _LETTERS | frozenset(string.digits)
#: What ends a statement.
_ENDS: tuple[str, ...] = ("", "\n", ";")
#: What a shell would act on, and this parser does not.
_SPECIAL = frozenset("`|&<>()")
#: What ``$`` means more than a variable before: ``$(...)``, ``$1``, ``$$`` and their like.
_EXPANSIONS = frozenset("([{0123456789@*#?$!-")
#: bash has values of its own for these, whatever the environment says; some can't be assigned.
_BASHS = re.compile(
    r"BASH\w*|E?UID|PPID|S?RANDOM|SECONDS|LINENO|EPOCH\w+|SHLVL|SHELLOPTS|GROUPS|FUNCNAME|DIRSTACK"
    r"|COMP_\w+|OPT(IND|ERR|ARG)|IFS|PS[0-4]|HIST\w+|_"
)
#: bash sets these where the environment doesn't.
_SET_BY_BASH = frozenset(
    ("HOME", "HOSTTYPE", "MACHTYPE", "OLDPWD", "OSTYPE", "PATH", "PWD", "SHELL", "TERM")
)


@dataclass(frozen=True)
class Assignment:
    """A value and the line that gave it."""

    value: str
    line: int


def read(path: Path, environment: Mapping[str, str]) -> dict[str, Assignment]:
    """Return what *path* assigns; nothing when there is no such file.

    :param environment: what ``$A`` means before the file assigns ``A``.
    :raises SettingsError: malformed, unreadable, or writable by others than root and the reader.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            check_owner(path, os.fstat(file.fileno()))
            text = file.read()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingsError(f"{path} cannot be read: {problem}") from problem
    return parse(text, environment, str(path))


def check_owner(path: Path, found: os.stat_result) -> None:
    """Refuse a file that somebody else than root and the reader could have written.

    :raises SettingsError: it says what to do.
    """
    if found.st_uid not in (0, os.geteuid()):
        raise SettingsError(
            f"{path} belongs to {_user(found.st_uid)}, who is neither root nor you",
            f"look at what is in it, then run 'chown {_user(os.geteuid())} {path}'",
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SettingsError(
            f"{path} may be written by others (mode {stat.S_IMODE(found.st_mode):04o})",
            f"run 'chmod go-w {path}'",
        )


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def parse(text: str, environment: Mapping[str, str], path: str) -> dict[str, Assignment]:
    """Return name -> assignment, the last one of a name winning, as a shell would have it.

    :param path: named in errors, as ``path:line``.
    :raises SettingsError: anything but assignments.
    """
    found: dict[str, Assignment] = {}
    for name, value, line in _Parser(text, environment, path).assignments():
        found[name] = Assignment(value, line)
    return found


class _Parser:
    def __init__(self, text: str, known: Mapping[str, str], path: str) -> None:
        self.text, self.known, self.path = text, dict(known), path
        self.at = 0

    def assignments(self) -> Iterator[tuple[str, str, int]]:
        """Yield name, value and line of each, in their order."""
        while self._blank() or self._peek():
            if self._peek() != "\n":
                yield from self._statement()
                self._blank()
            self.at += 1  # its end

    def _statement(self) -> Iterator[tuple[str, str, int]]:
        """Assignments split by blanks, each seeing those before it; with ``export`` none does."""
        exported, given = False, dict[str, str]()
        ends = _ENDS[:2]  # there is no empty statement before a ";"
        while self._peek() not in ends:
            start, line = self.at, self._line()
            name = self._name()
            if self._peek() == "=" and name:
                self.at += 1
                given[name] = self._value(exported)
                yield self._checked(name), given[name], line
            elif name == "export" and not given and not exported and self._blank():
                exported = True
                if self._peek() in _ENDS:  # it lists what is exported
                    raise self._misunderstood(start)
            elif not (name and exported and self._peek() in (*_ENDS, " ", "\t")):
                raise self._misunderstood(start)
            if not exported:
                self.known.update(given)
            self._blank()
            ends = _ENDS
        self.known.update(given)

    def _value(self, exported: bool) -> str:
        parts: list[str] = []
        while (char := self._peek()) and char not in " \t\n;":
            if char == "~" and "".join(parts)[-1:] in ("", ":"):
                raise self._error("'~' is not understood, write $HOME")
            self.at += 1
            if char == "'":
                parts.append(self._single())
            elif char == '"':
                parts.append(self._double())
            elif char == "\\":
                parts.append(self._escaped())
            elif char == "$":
                parts.append(self._expansion(quoted=False))
            elif char in _SPECIAL or (exported and char == "{"):  # bash makes several of {a,b} then
                raise self._never(char)
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
            if char == "\\" and self.text[self.at : self.at + 1] in ('"', "\\", "$", "`"):
                parts.append(self._escaped())
            elif char == "$":
                parts.append(self._expansion(quoted=True))
            elif char == "`":
                raise self._never(char)
            else:
                parts.append(char)
        self.at += 1
        return "".join(parts)

    def _escaped(self) -> str:
        char = self.text[self.at : self.at + 1]
        if not char:
            raise self._error("the file ends with a backslash")
        self.at += 1
        return char

    def _expansion(self, quoted: bool) -> str:
        char = self._peek()
        if char == "{":
            self.at += 1
            return self._braced(quoted)
        if name := self._name():
            return self._known(name) or ""
        if char in _EXPANSIONS or (char in ("'", '"') and not quoted):
            raise self._never(f"${char}")
        return "$"

    def _braced(self, quoted: bool) -> str:
        name = self._name()
        colon = self._peek() == ":"
        self.at += colon
        char = self._peek()
        if not name or char not in ("-", "}") or (colon and char == "}"):
            raise self._never("${")
        self.at += 1
        if char == "}":
            return self._known(name) or ""
        default, value = self._default(quoted), self._known(name)
        return default if value is None or (colon and not value) else value

    def _default(self, quoted: bool) -> str:
        parts: list[str] = []
        while (char := self._peek()) != "}":
            if not char or char in "\n'\"\\`{":
                raise self._error("a ${ is never closed, or there are quotes or braces in it")
            if char in _SPECIAL:
                raise self._never(char)
            if char == "~" and "".join(parts)[-1:] in ("", ":"):
                raise self._error("'~' is not understood, write $HOME")
            self.at += 1
            parts.append(self._expansion(quoted) if char == "$" else char)
        self.at += 1
        return "".join(parts)

    # -- names and characters --------------------------------------------------------------------

    def _known(self, name: str) -> str | None:
        if self._checked(name) in self.known:
            return self.known[name]
        if name == "HOSTNAME":  # which bash sets, and does not export
            return socket.gethostname()
        if name in _SET_BY_BASH:
            raise self._error(f"${name} is not in the environment, and a shell would make it up")
        return None

    def _checked(self, name: str) -> str:
        if _BASHS.fullmatch(name):
            raise self._error(f"{name} is the shell's own variable")
        return name

    def _name(self) -> str:
        found = ""
        while (char := self._peek()) and char in (_LETTERS_DIGITS if found else _LETTERS):
            found += char
            self.at += 1
        return found

    def _blank(self) -> bool:
        """Skip blanks and, since a word could begin here, a comment; return whether any was."""
        before = self.at
        while (char := self._peek()) and char in " \t":
            self.at += 1
        if char == "#":
            end = self.text.find("\n", self.at)  # where no backslash joins two lines
            self.at = len(self.text) if end < 0 else end
        return self.at > before

    def _peek(self) -> str:
        """Return the next character; lines that end in a backslash are joined, as by a shell."""
        while self.text.startswith("\\\n", self.at):
            self.at += 2
        return self.text[self.at : self.at + 1]

    def _line(self) -> int:
        return self.text.count("\n", 0, min(self.at, len(self.text))) + 1

    def _misunderstood(self, start: int) -> SettingsError:
        self.at = start
        words = self.text[start : start + 60].partition("\n")[0]
        return self._error(f"only assignments (NAME=value) are understood, not '{words}'")

    def _never(self, what: str) -> SettingsError:
        return self._error(f"'{what}' is not understood: this file is read, never executed")

    def _error(self, what: str) -> SettingsError:
        return SettingsError(f"{self.path}:{self._line()}: {what}", "edit that line")
