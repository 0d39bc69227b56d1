"""The pages say what the code does: hooks, events, settings, commands, exit codes."""

import dataclasses
import inspect
import re
import subprocess
import sys

import pytest

from arpanet import errors, events, hookspecs, plugins, records, settings
from arpanet.errors import ExitCode
from arpanet.testing import fixtures
from tests.contract.house import ROOT, entry_points, page
from tests.services.ambassador.behaviours import BEHAVIOURS, LACKS

PLUGINS_PAGE = "docs/plugins.md"
HOOKS = {
    name: list(inspect.signature(function).parameters)
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction)
    if name.startswith("arpanet_")
}
#: ``| `NAME` | default | meaning |``
ROW = re.compile(r"^\| `([A-Z_]+)` \| (.+?) \| (.+?) \|$", re.MULTILINE)


def section(text, heading):
    """Return what stands between a heading and the next of its level."""
    level = heading.partition(" ")[0]
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, f"no heading {heading!r}"
    return re.split(rf"^{level} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def test_every_room_has_a_line():
    packages = (
        path.parent for top in ("arpanet", "plugins") for path in (ROOT / top).rglob("__init__.py")
    )
    rooms = {f"{one.relative_to(ROOT)}/" for one in [*packages, *others()]}
    table = section(page("docs/internals.md"), "## The rooms")
    first = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`([^`]+)`", " ".join(first))) == sorted(rooms)


def packages():
    return [
        path.parent for top in ("arpanet", "plugins") for path in (ROOT / top).rglob("__init__.py")
    ]


def others():
    """The rooms that are no packages of the product."""
    inside = (path for path in (ROOT / "contrib").iterdir() if any(path.iterdir()))
    return [ROOT / "tests", *inside]


def test_every_hook_has_a_heading_with_its_exact_arguments():
    headings = re.findall(r"^#### `(arpanet_\w+)\((.*)\)`$", page(PLUGINS_PAGE), re.MULTILINE)
    assert {name: args.split(", ") if args else [] for name, args in headings} == HOOKS


def test_every_event_is_listed_with_its_hook():
    rows = re.findall(r"^\| `([\w.]+)` \| `(arpanet_\w+)` \| \S.* \|$", page(PLUGINS_PAGE), re.M)
    assert dict(rows) == events.EVENTS


def test_every_error_is_listed_with_its_exit_code():
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (\d) \|$", page(PLUGINS_PAGE), re.MULTILINE)
    listed = {name: int(code) for names, code in rows for name in re.findall(r"\w+", names)}
    classes = [name for name in errors.__all__ if name != "ExitCode"]
    assert listed == {name: getattr(errors, name).exit_code for name in classes}


@pytest.fixture(scope="module")
def declared():
    """Every setting of the core and of the built-in plugins."""
    manager, report = plugins.load()
    builtin = {one.name for one in report if one.builtin}
    answers = events.Bus(manager).collect("arpanet_settings")
    own = [setting for name, given in answers if name in builtin for setting in given]
    return {one.name: one for one in (*settings.CORE, *own)}


def test_every_setting_is_in_the_readme_with_its_default(declared):
    rows = {name: (default, meaning) for name, default, meaning in ROW.findall(page("README.md"))}
    assert set(rows) == set(declared)
    for name, setting in declared.items():
        default, meaning = rows[name]
        if not callable(setting.default) and setting.default:
            assert default == f"`{setting.default}`", name
        else:  # found on the host, or nothing: in words
            assert not re.fullmatch(r"`[^A-Z]*`", default), name
        assert meaning.endswith("."), name


def test_settings_are_declared_as_they_should_be(declared):
    for setting in declared.values():
        assert re.fullmatch(r"[A-Z][A-Z0-9_]+", setting.name)
        assert setting.help.endswith("."), setting.name
        assert "\n" not in setting.help, setting.name
        if not callable(setting.default):
            setting.parse(setting.default)


def test_every_command_is_in_the_readme():
    """A heading begins with each command; ``(a|b)`` and what follows are its arguments."""
    headings = re.findall(r"^#### `arpanet ([^`]+)`$", page("README.md"), re.MULTILINE)
    commands = {name.replace("_", " ") for name in entry_points("arpanet.commands")}
    documented = {
        command
        for command in commands
        for heading in headings
        if re.match(rf"{command}(?: |$)", heading)
    }
    assert documented == commands
    assert [h for h in headings if not any(re.match(rf"{c}(?: |$)", h) for c in commands)] == []


def test_every_command_and_plugin_can_be_imported():
    for group in ("arpanet.commands", "arpanet.plugins", "console_scripts"):
        for target in entry_points(group).values():
            module, _, name = target.partition(":")
            assert hasattr(__import__(module, fromlist=[name]), name), target


def test_every_exit_code_is_in_the_readme():
    text = section(page("README.md"), "## Exit codes")
    codes = [int(code) for code in re.findall(r"^\| (\d+) \| \S.* \|$", text, re.MULTILINE)]
    assert codes == [code.value for code in ExitCode]


def test_the_tutorials_plugin_works_as_it_is_printed(tmp_path):
    """docs/plugins.md, "From zero" and "Tests": install it, list it, run its test."""
    text = page(PLUGINS_PAGE)
    project, module = re.findall(
        r"```(?:toml|python)\n(.*?)```", section(text, "## From zero"), re.S
    )
    (test,) = re.findall(r"```python\n(.*?)```", section(text, "## Tests"), re.DOTALL)
    source, site = tmp_path / "greeter", tmp_path / "site"
    source.mkdir()
    (source / "pyproject.toml").write_text(project)
    (source / "greeter.py").write_text(module)
    (source / "test_greeter.py").write_text(test)

    def python(*argv):
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(site)}
        return subprocess.run(
            [sys.executable, *argv],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )

    pip = ["-m", "pip", "-q", "install", "--no-deps", "--no-build-isolation", "--no-index"]
    done = python(*pip, "--target", str(site), str(source))
    assert done.returncode == 0, done.stderr
    assert '"plugin": "greeter"' in python("-m", "arpanet", "plugins", "-f", "json").stdout
    assert "GREETING" in python("-m", "arpanet", "config").stdout
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", str(source))
    assert done.returncode == 0, done.stdout


def test_every_record_is_listed_with_its_fields():
    """In their order; what each means is for a person to write."""
    text = page("docs/records.md")
    headings = re.findall(r"^## (\w+)$", text, re.MULTILINE)
    assert set(headings) == set(records.__all__)
    for name in headings:
        rows = re.findall(
            r"^\| `(\w+)` \| .+ \| \S.+ \|$", section(text, f"## {name}"), re.MULTILINE
        )
        fields = [one.name for one in dataclasses.fields(getattr(records, name))]
        assert rows == fields, f"docs/records.md, {name}: one row for each field"


def test_every_fixture_is_listed():
    rows = re.findall(r"^\| `(arpanet_\w+)", section(page(PLUGINS_PAGE), "## Tests"), re.MULTILINE)
    assert sorted(rows) == sorted(fixtures.__all__)


def test_the_printed_python_is_python():
    for name in ["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]:
        for block in re.findall(r"```python\n(.*?)```", page(name), re.DOTALL):
            compile(block, name, "exec")


def named_tests(row: str) -> list[str]:
    """Return the words of a table's row that name tests; files come first."""
    return re.findall(r"`([^`]+)`", row.split("|")[-2])


def assert_tests_are_there(rows: list[str]) -> None:
    """Each row names some: files by their path or the last part, tests by a part."""
    files = {str(one.relative_to(ROOT)): one for one in (ROOT / "tests").rglob("test_*.py")}
    text = "".join(one.read_text() for one in files.values())
    for row in rows:
        words = named_tests(row)
        assert any(not word.endswith(".py") for word in words) and words[0].endswith(".py"), row
        for word in words:
            there = (
                any(name.endswith(f"/{word}") or name == word for name in files)
                if word.endswith(".py")
                else re.search(rf"def test_\w*{word}", text)
            )
            assert there, word


#: What the page calls the planes of the table of behaviours, and two ways in which one is tried.
PLANES = {
    "socket": "socket",
    "socket-compiled-anew": "socket",
    "socket-old-kernel": "socket before Linux 5.18",
    "nftables": "nftables",
    "proxy": "proxy",
}


def test_the_page_says_what_a_plane_lacks_and_what_happens_instead():
    expected = []
    for one in LACKS:
        planes = list(dict.fromkeys(PLANES[plane] for plane in one.planes))
        if "socket" in planes:  # whatever the kernel
            planes.remove("socket before Linux 5.18")
        expected.append((one.need, ", ".join(planes), one.instead))
    table = section(page("docs/internals.md"), "### What a plane lacks")
    rows = re.findall(r"^\| (.+) \| (.+) \| (.+) \|$", table, re.MULTILINE)
    assert rows[1:] == expected


def test_what_a_plane_may_lack_is_what_behaviours_need():
    assert {need for one in BEHAVIOURS for need in one.needs} == {one.need for one in LACKS}
    of = [(one.need, plane) for one in LACKS for plane in one.planes]
    assert len(of) == len(set(of))


def table_rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize(
    ("title", "count"), [("## Who can do what", 6), ("## What is given wrongly", 10)]
)
def test_each_claim_about_security_names_tests_that_there_are(title, count):
    rows = table_rows(section(page("docs/security.md"), title))
    assert len(rows) == count
    assert_tests_are_there(rows)


def test_each_step_of_a_bad_day_names_tests_that_there_are_and_none_is_left_out():
    text = page("docs/operations.md")
    steps = section(text, "## The bad day, step by step")
    assert_tests_are_there(table_rows(steps))
    known = {plain(one) for one in re.findall(r"`(arpanet [^`]+)`", steps)}
    said = set(re.findall(r"`(arpanet [^`]+)`", text.replace(steps, "")))
    said |= set(re.findall(r"^(?:sudo )?(arpanet .+?)(?:  .*)?$", text, re.MULTILINE))
    # the lab's own, and what is no step
    others = {"arpanet lab gameday", "arpanet --debug"}
    assert {plain(one) for one in said} - others <= known


def plain(line: str) -> str:
    """Return a command without what differs each time: its operands."""
    words = re.sub("<[^>]+>", "", line).split()
    kept = [one for one in words if re.fullmatch(r"-*[a-z]+(-[a-z]+)*", one)]
    return " ".join(kept).replace("--peers boot", "--peers")


def test_files_of_tests_that_pages_name_are_there():
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("contrib/*/README.md")]
    named = {name for one in pages for name in re.findall(r"\btests/[\w/]+\.py", one.read_text())}
    assert {name for name in named if not (ROOT / name).exists()} == set()
