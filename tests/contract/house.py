"""What the contract tests look at: the sources, the pages and what setup.cfg registers."""

import ast
import configparser
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "plugins"


def sources(*directories: str) -> list[Path]:
    """Return every Python file below the directories, but not what a built wheel left there."""
    found = (path for name in directories for path in (ROOT / name).rglob("*.py"))
    return sorted(path for path in found if "build" not in path.relative_to(ROOT).parts)


@cache
def imports(path: Path) -> tuple[tuple[int, str], ...]:
    """Return (line, module) of every import, also of those within functions and for types only.

    ``from arpanet import images`` counts as ``arpanet.images`` where that is a module.
    """
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import"
            module = node.module or ""
            for alias in node.names:
                name = f"{module}.{alias.name}"
                inner = ROOT / name.replace(".", "/")
                is_module = inner.with_suffix(".py").exists() or inner.is_dir()
                yield node.lineno, name if is_module else module


def entry_points(group: str) -> dict[str, str]:
    """Return what setup.cfg registers in *group*: name -> target."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg")
    lines = parser["options.entry_points"][group].split("\n")
    pairs = (line.partition("=") for line in lines if line.strip())
    return {name.strip(): target.strip() for name, _, target in pairs}


def page(name: str) -> str:
    """Return the text of a page."""
    return (ROOT / name).read_text()
