"""The rules of the house: who may import whom, and what a file may be."""

import ast
import re
from pathlib import Path

import pytest

from tests.contract.house import PLUGINS, ROOT, imports, sources

#: What docs/plugins.md lets a third party import, and so contrib.
PUBLIC = {
    "arpanet",
    *(
        f"arpanet.{name}"
        for name in (
            "agent.statusfile",
            "cli.base",
            "context",
            "docker.engine",
            "docker.specs",
            "errors",
            "host.addresses",
            "images.elf",
            "images.node",
            "images.tree",
            "records",
            "registry",
            "settings",
        )
    ),
}
PACKAGES = sorted(path.name for path in PLUGINS.iterdir() if (path / "__init__.py").exists())
PRODUCT = sources("arpanet", "plugins")
EVERYTHING = [*PRODUCT, *sources("contrib", "tests")]


def wrong(paths: list[Path], forbidden) -> list[str]:
    """Return the imports that *forbidden* (module -> bool) is true for, as file:line."""
    return [
        f"{path.relative_to(ROOT)}:{line}: {module}"
        for path in paths
        for line, module in imports(path)
        if forbidden(module)
    ]


def top(module: str) -> str:
    return module.partition(".")[0]


def test_there_is_something_to_look_at():
    assert PACKAGES == ["arpanet_ambassador", "arpanet_etcd", "arpanet_registrator"]
    assert len(PRODUCT) > 30


def test_the_core_imports_no_plugin():
    assert wrong(sources("arpanet"), lambda module: top(module) in PACKAGES) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_plugin_imports_no_other_plugin(package):
    others = {*PACKAGES} - {package}
    assert wrong(sources(f"plugins/{package}"), lambda module: top(module) in others) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_plugin_knows_nothing_of_the_command_lines_inside(package):
    inside = ("arpanet.cli.app", "arpanet.events", "arpanet.plugins", "arpanet.hookspecs")
    assert wrong(sources(f"plugins/{package}"), lambda module: module in inside) == []


def test_contrib_imports_what_anybody_may():
    def private(module: str) -> bool:
        return top(module) in {"arpanet", *PACKAGES} and module not in PUBLIC

    assert wrong(sources("contrib"), private) == []


def test_the_page_lists_what_anybody_may_import():
    text = (ROOT / "docs/plugins.md").read_text().partition("## What may be imported")[2]
    listed = set(re.findall(r"`(?:arpanet\.)?([\w.]+)`", text)) - {"hookimpl", "__version__"}
    assert {"arpanet", *(f"arpanet.{name}" for name in listed - {"arpanet"})} == PUBLIC


def test_only_the_bus_calls_pluggy():
    calls = [
        str(path.relative_to(ROOT))
        for path in [*PRODUCT, *sources("contrib")]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "hook"
    ]
    assert set(calls) == {"arpanet/events.py"}


@pytest.mark.parametrize("path", EVERYTHING, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_can_be_seen_at_a_glance(path):
    assert len(path.read_text().splitlines()) <= 400


def test_nothing_is_left_unfinished():
    words = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    stub = re.compile(r"\bNotImplementedError\b")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in EVERYTHING
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if words.search(line) or (path.parts[len(ROOT.parts)] != "tests" and stub.search(line))
    ]
    assert found == []


def test_nothing_is_skipped_without_a_reason_that_can_go_away():
    pattern = re.compile(r"@pytest\.mark\.(?:skip|xfail)\b(?!if)")
    assert [path.name for path in sources("tests") if pattern.search(path.read_text())] == []
