"""The tree that the docstring draws is the tree that there is."""

import re

import pytest

from arpanet import errors
from arpanet.errors import ArpanetError, ExitCode

DRAWN = re.findall(r"^ {4}([│├└─ ]*)(\w+) +(\d)  ", errors.__doc__ or "", re.MULTILINE)


def test_the_tree_is_drawn_whole():
    classes = {name for name in errors.__all__ if name != "ExitCode"}
    assert {name for _, name, _ in DRAWN} == classes


@pytest.mark.parametrize(("name", "code"), [(name, int(code)) for _, name, code in DRAWN])
def test_exit_codes(name, code):
    assert getattr(errors, name)("x").exit_code == code


def test_parents():
    parents = []
    for branch, name, _ in DRAWN:
        depth = len(branch) // 4
        del parents[depth:]
        if parents:
            assert getattr(errors, name).__base__.__name__ == parents[-1]
        parents.append(name)


def test_one_line_and_a_hint():
    assert str(ArpanetError("no such file")) == "no such file"
    assert str(ArpanetError("no such file", "make it")) == "no such file; make it"
    assert {code.value for code in ExitCode} == set(range(6))
