"""The rules of the house: who may import whom, and what a file may be."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import arpanet
from tests.contract.house import PLUGINS, ROOT, imports, sources
from tests.support.sharing import CLUSTER_OF

#: What a plugin may import of arpanet: the door, and nothing behind it.
DOOR = {"arpanet", *(f"arpanet.{name}" for name in arpanet.__all__)}
#: What their tests may import besides.
KIT = {"arpanet.testing", "arpanet.testing.registry", "arpanet.testing.vault"}
#: The fixtures of tests/lab that are a cluster.
CLUSTERS = {"cluster", "tidy"}
PACKAGES = sorted(path.name for path in PLUGINS.iterdir() if (path / "__init__.py").exists())
PRODUCT = sources("arpanet", "plugins")
#: Each package of the core that is not the core itself.
ROOMS = sorted(path.parent for path in (ROOT / "arpanet").glob("*/__init__.py"))
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
    assert PACKAGES == [
        "arpanet_ambassador",
        "arpanet_etcd",
        "arpanet_identity",
        "arpanet_registrator",
    ]
    assert len(PRODUCT) > 30


def test_the_core_imports_no_plugin():
    assert wrong(sources("arpanet"), lambda module: top(module) in PACKAGES) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_plugin_imports_no_other_plugin(package):
    others = {*PACKAGES} - {package}
    assert wrong(sources(f"plugins/{package}"), lambda module: top(module) in others) == []


def test_all_tests_that_want_a_cluster_share_one():
    """Each process that has one, and not by what tests/support/sharing.py says, forms another."""
    wanting = set()
    for path in sources("tests/lab"):
        for one in ast.walk(ast.parse(path.read_text())):
            if isinstance(one, ast.FunctionDef) and path.name.startswith("test_"):
                names = {argument.arg for argument in one.args.args}
                direct = one.name.startswith("test_") or one.decorator_list
                wanting |= {str(path.relative_to(ROOT))} if direct and names & CLUSTERS else set()
    assert wanting == CLUSTER_OF.keys()


def test_unit_tests_stand_as_what_they_test_does():
    """``tests/unit/x/test_y.py`` is of the module or package ``y`` in the package ``x``."""
    unit = ROOT / "tests/unit"
    homes = {"bench": "contrib/bench", "lab": "contrib/lab/arpanet_lab"}
    homes |= {name.removeprefix("arpanet_"): f"plugins/{name}" for name in PACKAGES}

    def tested(path: Path) -> Path:
        first, *rest = path.relative_to(unit).with_name(path.stem.removeprefix("test_")).parts
        return ROOT.joinpath(homes.get(first, f"arpanet/{first}"), *rest)

    wrong = [
        str(path.relative_to(ROOT))
        for path in unit.rglob("test_*.py")
        if not tested(path).with_suffix(".py").exists()
        and not (tested(path) / "__init__.py").exists()
    ]
    assert wrong == []


#: The benchmark that is an agent, but for its Docker, and feeds it where no person could.
FED = ROOT / "contrib/bench/changes/agent.py"


@pytest.mark.parametrize("place", ["plugins", "contrib"])
def test_plugins_come_in_by_the_door(place):
    """The built-ins, too, use nothing that authors can't."""

    def private(module: str) -> bool:
        return top(module) == "arpanet" and module not in DOOR | KIT

    others = [path for path in sources(place) if path != FED]
    assert wrong(others, private) == []


def test_no_built_in_asks_who_leads():
    """Any slave may write that, and what leaders keep: docs/security.md."""
    assert [path for path in sources("plugins") if "registry.leader(" in path.read_text()] == []


def test_no_imports_go_in_a_circle():
    """Neither over the whole product when it is loaded, nor for types only within one room."""
    loaded = {module_of(path): set(when_loaded(path)) for path in PRODUCT}
    TopologicalSorter(loaded).prepare()
    for room in ROOMS:
        within = {
            module_of(path): {module for _, module in imports(path)}
            for path in sources(str(room.relative_to(ROOT)))
        }
        TopologicalSorter({m: found & within.keys() for m, found in within.items()}).prepare()


def module_of(path: Path) -> str:
    base = PLUGINS if PLUGINS in path.parents else ROOT
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def when_loaded(path: Path) -> list[str]:
    """What is imported when the module itself is: at its top level, and not for types only."""
    top = {node.lineno for node in ast.parse(path.read_text()).body}
    return [module for line, module in imports(path) if line in top]


def test_only_tests_use_the_kit():
    outside = [
        path
        for path in sources("arpanet", "plugins", "contrib")
        if not {"testing", "tests"} & {*path.relative_to(ROOT).parts}
    ]
    assert wrong(outside, lambda module: module.startswith("arpanet.testing")) == []


def test_contrib_imports_no_built_in():
    others = [path for path in sources("contrib") if path != FED]
    assert wrong(others, lambda module: top(module) in PACKAGES) == []


def test_every_name_of_the_door_is_there():
    assert {name for name in arpanet.__all__ if not hasattr(arpanet, name)} == set()


def test_a_name_is_loaded_when_it_is_first_used():
    """The Docker SDK and cliff take their time, and ``--version`` needs neither."""
    heavy = "{name for name in sys.modules if name in ('docker', 'cliff', 'arpanet.records')}"
    code = f"import sys, arpanet; sys.exit(str({heavy}) if {heavy} else 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_page_lists_the_door():
    text = (ROOT / "docs/plugins.md").read_text().partition("## The door")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(\w+)`", text)) - {"arpanet"} == set(arpanet.__all__)


def test_json_is_read_in_one_way():
    """Nested deeply it takes Python to the end of its stack: codec.parse refuses it before."""
    readers = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources("plugins", "contrib/consul/arpanet_consul")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("load", "loads")
        if isinstance(node.value, ast.Name) and node.value.id == "json"
    ]
    assert readers == []


def test_tls_is_made_where_a_host_knows_who_it_is_or_is_let_in():
    """Elsewhere it could be forgotten to show a certificate, or to look at the other side's."""
    made = re.compile(r"\bSSLContext\(|\bcreate_\w+_context\b|\bCERT_NONE\b")
    found = {str(one.relative_to(ROOT)) for one in PRODUCT if made.search(one.read_text())}
    assert found == {"arpanet/identity.py", "plugins/arpanet_identity/client.py"}


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


def test_no_test_changes_the_time_of_threads_that_others_left_waiting():
    """``stand_in`` (tests/support/stand_in.py) changes it for one module."""
    pattern = re.compile(r"\bsetattr\(\s*(?:\w+\.)*(?:time|threading)\b\s*,")
    assert [path.name for path in sources("tests") if pattern.search(path.read_text())] == []
