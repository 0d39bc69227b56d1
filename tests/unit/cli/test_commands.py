"""Commands that plugins add: whose a name is, and what a broken one does."""

import sys
from collections import namedtuple
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest
from cliff.command import Command

from arpanet import entrypoints
from arpanet.cli import app
from arpanet.cli.base import Command as BaseCommand
from arpanet.cli.commands import Commands
from arpanet.entrypoints import COMMANDS

Distribution = namedtuple("Distribution", "name version")


class Mine(Command):
    """Do mine."""

    def take_action(self, parsed_args):
        self.app.stdout.write("mine\n")


class Theirs(Command):
    """Do theirs."""

    def take_action(self, parsed_args):
        self.app.stdout.write("theirs\n")


class Failing(Theirs):
    def take_action(self, parsed_args):
        raise KeyError("x")


class Ending(Theirs):
    def __init__(self, *_, **__):
        raise SystemExit(0)


class Hidden(Theirs):
    hidden = True


@pytest.fixture
def points(monkeypatch):
    module = SimpleNamespace(
        Mine=Mine, Theirs=Theirs, Hidden=Hidden, Failing=Failing, Ending=Ending, text="text"
    )
    monkeypatch.setitem(sys.modules, "commands_for_tests", module)

    def point(name, attribute, distribution):
        made = EntryPoint(name, f"commands_for_tests:{attribute}", COMMANDS)
        return made._for(Distribution(distribution, "1"))

    return [
        point("status", "Theirs", "evil"),
        point("help", "Theirs", "evil"),
        point("hello_world", "Theirs", "b-plugin"),
        point("hello_world", "Mine", "a-plugin"),
        point("secret", "Hidden", "a-plugin"),
        point("broken", "nothing", "a-plugin"),
        point("odd", "text", "a-plugin"),
        point("failing", "Failing", "a-plugin"),
        point("ending", "Ending", "a-plugin"),
        point("status", "Mine", "arpanet"),
    ]


@pytest.fixture
def arpanet(points, monkeypatch, capsys):
    """Run the application with these commands, in any order of ``sys.path``."""

    def run(*argv, reverse=False):
        found = points[::-1] if reverse else points
        monkeypatch.setattr(app, "Commands", lambda: Commands(found))
        code = app.App().run(list(argv))
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize("reverse", [False, True])
def test_a_name_is_the_built_ins_wherever_things_are_installed(arpanet, reverse):
    code, out, err = arpanet("status", reverse=reverse)
    assert (code, out) == (0, "mine\n")
    assert sorted(err.splitlines()) == [
        "command 'hello world' of b-plugin was left out: a command of a-plugin has this name",
        "command 'help' of evil was left out: a built-in command has this name",
        "command 'status' of evil was left out: a built-in command has this name",
    ]
    assert arpanet("hello", "world", reverse=reverse)[1] == "mine\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken", "command 'broken' of a-plugin cannot be loaded: AttributeError: "),
        ("odd", "command 'odd' of a-plugin cannot be loaded: TypeError: commands_for_tests:text"),
    ],
)
def test_a_command_that_cannot_be_imported_is_told(arpanet, name, words):
    code, out, err = arpanet("-q", name)
    assert (code, out) == (1, "")
    assert words in err.splitlines()[-1]
    code, out, _ = arpanet("--help")
    assert code == 0
    assert words[:40] in out
    code, _, err = arpanet("help", name)
    assert code == 1
    assert words in err


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("failing", "KeyError: 'x'"),
        ("ending", "RuntimeError: command 'ending' ended before it began (0)"),
    ],
)
def test_whose_bug_it_is(arpanet, name, words):
    code, _, err = arpanet("-q", name)
    assert code == 1
    said = f"arpanet: {words}; this is a bug in a-plugin, --debug shows where"
    assert err.splitlines()[-1] == said


def test_a_hidden_command_is_not_listed_and_works(arpanet):
    assert "secret" not in arpanet("help")[1]
    assert arpanet("secret")[:2] == (0, "theirs\n")


def test_help_is_help_wherever_the_word_stands(arpanet):
    before, behind = arpanet("help", "status"), arpanet("status", "--help")
    assert before == behind
    assert before[0] == 0
    assert before[1].startswith("usage: arpanet status")
    assert arpanet("hello", "world", "-h") == arpanet("help", "hello", "world")


@pytest.mark.parametrize("argv", [("help", "nosuch"), ("nosuch", "--help"), ("help", "hello")])
def test_help_on_nothing_is_a_usage_error(arpanet, argv):
    code, out, err = arpanet(*argv)
    assert (code, out) == (2, "")
    assert "is not a command; did you mean" in err.splitlines()[-1]


class Extended(BaseCommand):
    """Do it."""

    def take_action(self, parsed_args):
        self.app.stdout.write("done\n")


HOOK = """
from cliff.hooks import CommandHook

class Louder(CommandHook):
    def get_parser(self, parser): pass
    def get_epilog(self): pass
    def before(self, parsed_args): self.cmd.app.stdout.write("before\\n")
    def after(self, parsed_args, return_code): return return_code
"""


@pytest.mark.parametrize(("name", "out"), [("hello", "done\n"), ("thing", "before\ndone\n")])
def test_cliffs_hooks_extend_a_command(tmp_path, monkeypatch, capsys, name, out):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "louder_for_tests.py").write_text(HOOK)
    place = tmp_path / "louder-1.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("Name: louder\nVersion: 1\n")
    group = "[arpanet.commands.thing]\nlouder = louder_for_tests:Louder\n"
    (place / "entry_points.txt").write_text(group)
    entrypoints._all.cache_clear()
    monkeypatch.setitem(sys.modules, "commands_for_tests", SimpleNamespace(Extended=Extended))
    made = EntryPoint(name, "commands_for_tests:Extended", COMMANDS)
    found = [made._for(Distribution("a-plugin", "1"))]
    monkeypatch.setattr(app, "Commands", lambda: Commands(found))
    try:
        assert app.App().run([name]) == 0
    finally:
        entrypoints._all.cache_clear()
    assert capsys.readouterr().out == out
