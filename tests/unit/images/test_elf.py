"""Which shared libraries a program needs."""

import struct
import sys
from pathlib import Path

import pytest

from arpanet.errors import ArpanetError
from arpanet.images import elf


@pytest.fixture
def loader():
    return elf.interpreter(Path(sys.executable).resolve())


def test_the_loader_of_this_interpreter(loader):
    assert loader.name.startswith("ld")
    assert loader.exists()


def test_its_libraries(loader):
    found = elf.libraries(Path(sys.executable).resolve(), loader)
    assert any("libc" in one.name for one in found)
    assert all(one.is_absolute() and one.exists() for one in found)


@pytest.mark.parametrize(
    ("wide", "order"), [(2, "<"), (2, ">"), (1, "<"), (1, ">")], ids=["64", "64be", "32", "32be"]
)
def test_all_kinds_of_elf(tmp_path, wide, order):
    if wide == 2:
        head = struct.pack(order + "HHIQQQIHHH", 2, 1, 1, 0, 64, 0, 0, 64, 56, 2)
        programs = struct.pack(order + "IIQQQQQQ", 1, *[0] * 7)
        programs += struct.pack(order + "IIQQQQQQ", 3, 4, 200, 0, 0, 9, 9, 1)
    else:
        head = struct.pack(order + "HHIIIIIHHH", 2, 1, 1, 0, 64, 0, 0, 52, 32, 2)
        programs = struct.pack(order + "IIIIIIII", 1, *[0] * 7)
        programs += struct.pack(order + "IIIIIIII", 3, 200, 0, 0, 9, 9, 4, 1)
    ident = b"\x7fELF" + bytes([wide, 1 if order == "<" else 2]) + bytes(10)
    path = tmp_path / "x"
    path.write_bytes((ident + head).ljust(64, b"\0") + programs.ljust(136, b"\0") + b"/lib/ld.1\0")
    assert elf.interpreter(path) == Path("/lib/ld.1")


@pytest.mark.parametrize(
    "content", [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF".ljust(64, b"\0")], ids=repr
)
def test_what_names_no_loader(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    assert elf.interpreter(path) is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"#!/bin/sh -e\n", "/bin/sh"), (b"#! /usr/bin/env x\n", "/usr/bin/env"), (b"x", None)],
)
def test_scripts(tmp_path, content, expected):
    path = tmp_path / "x"
    path.write_bytes(content)
    assert elf.shebang(path) == expected


def answers(tmp_path, text, code=0):
    path = tmp_path / "loader"
    path.write_text(f"#!/bin/sh\ncat <<'E'\n{text}\nE\nexit {code}\n")
    path.chmod(0o755)
    return path


LISTING = """\
\tlinux-vdso.so.1 (0x00007ffc)
\tliba.so.1 => /opt/a/liba.so.1 (0x00007f5e)
\tlibb.so.2 => not found
\t/lib64/ld-linux-x86-64.so.2 (0x00007f5f)"""


def test_a_listing(tmp_path):
    loader = answers(tmp_path, LISTING)
    expected = {Path("/opt/a/liba.so.1"), Path("/lib64/ld-linux-x86-64.so.2")}
    assert elf.libraries(Path("/x"), loader, optional=True) == expected
    with pytest.raises(ArpanetError, match=r"/x lacks a library: libb.so.2 => not found"):
        elf.libraries(Path("/x"), loader)


def test_a_loader_that_fails(tmp_path):
    with pytest.raises(ArpanetError, match="the libraries of /x cannot be listed: no idea"):
        elf.libraries(Path("/x"), answers(tmp_path, "no idea", 1))
