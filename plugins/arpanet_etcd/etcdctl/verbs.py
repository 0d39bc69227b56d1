"""The verbs of the old etcdctl (v2), understood and printed as it did, over v3's flat keys.

v2 had directories and v3 has none: here a directory is whatever other keys go through. What the
old etcdctl did not know either (``get --prefix``, ``put``) is left to the real one.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

__all__ = ["WRITES", "OldError", "Verb", "listing", "normal", "parse"]

#: verb -> (flags, options that take a value, fewest arguments, most arguments)
_VERBS: dict[str, tuple[frozenset[str], frozenset[str], int, int]] = {
    name: (frozenset(flags.split()), frozenset(options.split()), least, most)
    for name, flags, options, least, most in (
        ("ls", "recursive sort p quorum", "", 0, 1),
        ("get", "sort quorum", "", 1, 1),
        ("set", "", "ttl swap-with-value", 1, 2),
        ("mk", "", "ttl", 1, 2),
        ("update", "", "ttl", 1, 2),
        ("rm", "recursive dir", "with-value", 1, 1),
        ("mkdir", "", "ttl", 1, 1),
        ("setdir", "", "ttl", 1, 1),
        ("rmdir", "", "", 1, 1),
    )
}
_SHORT = {"r": "recursive", "q": "quorum"}
#: They take a value, from standard input where it isn't among the arguments.
WRITES = frozenset({"set", "mk", "update"})


class OldError(Exception):
    """What the v2 API refused with: number, cause and key; the old etcdctl then ended with 4.

    Numbers and words are those of etcd's ``v2error``.
    """

    WORDS = {  # noqa: RUF012 - a table, not state
        100: "Key not found",
        101: "Compare failed",
        102: "Not a file",
        104: "Not a directory",
        105: "Key already exists",
        107: "Root is read only",
        108: "Directory not empty",
    }

    def __init__(self, number: int, key: str, index: int = 0) -> None:
        super().__init__(f"Error:  {number}: {self.WORDS[number]} ({key}) [{index}]")
        self.number = number


@dataclass(frozen=True)
class Verb:
    """An old command line, taken apart.

    :ivar options: option -> its value, ``""`` for a flag.
    """

    name: str
    args: tuple[str, ...]
    options: dict[str, str] = field(default_factory=dict)

    def complete(self, stdin: Callable[[], str]) -> "Verb":
        """Return it with the value that *stdin* reads, where it takes one and none was given."""
        if self.name in WRITES and len(self.args) == 1:
            return replace(self, args=(*self.args, stdin()))
        return self


def parse(words: Sequence[str]) -> Verb | None:
    """Take *words* apart; ``None`` when the old etcdctl would not have understood them."""
    if not words or words[0] not in _VERBS:
        return None
    name, *rest = words
    flags, valued, least, most = _VERBS[name]
    args: list[str] = []
    options: dict[str, str] = {}
    while rest:
        word = rest.pop(0)
        if word == "--":
            args += rest
            break
        if not word.startswith("-") or word == "-" or word[1:].isdigit():
            args.append(word)
            continue
        option, equals, value = word.lstrip("-").partition("=")
        option = _SHORT.get(option, option)
        if option in flags and not equals:
            options[option] = ""
        elif option in valued and (equals or rest):
            options[option] = value if equals else rest.pop(0)
        else:
            return None
    if not options.get("ttl", "0").isdigit():
        return None
    return Verb(name, tuple(args), options) if least <= len(args) <= most else None


def normal(path: str) -> str:
    """Return *path* as v2 did: one leading slash, no trailing one; the root is ``/``."""
    return "/" + "/".join(part for part in path.split("/") if part)


def listing(keys: Iterable[str], path: str, recursive: bool, slash: bool) -> list[str] | None:
    """Return what ``ls path`` prints for a store that holds *keys*; ``None`` when nothing is there.

    Depth first, sorted; what starts with an underscore is hidden, as in v2, unless it is asked for.

    :param path: as :func:`normal` returns it.
    :param slash: end directories with a slash (``-p``).
    """
    root = path.rstrip("/")
    found: dict[tuple[str, ...], bool] = {}
    leaf = False
    for key in keys:
        if key == path:
            leaf = True
        if not key.startswith(root + "/"):
            continue
        parts = [part for part in key[len(root) + 1 :].split("/") if part]
        if any(part.startswith("_") for part in parts):
            continue
        for depth in range(1, len(parts) + 1 if recursive else min(len(parts), 1) + 1):
            inner = depth < len(parts)
            place = tuple(parts[:depth])
            found[place] = found.get(place, False) or inner
    lines = [
        root + "/" + "/".join(place) + ("/" if slash and directory else "")
        for place, directory in sorted(found.items())
    ]
    if leaf:
        lines.insert(0, path)
    return lines if lines or path == "/" else None
