"""Reading the shipped object, and what is none."""

import struct

import pytest
from arpanet_ambassador.planes.socket import objectfile
from arpanet_ambassador.planes.socket.installing import OBJECT
from arpanet_ambassador.planes.socket.layout import HOOKS, MAPS
from arpanet_ambassador.planes.socket.refusals import OBJECT as REFUSALS


@pytest.fixture(scope="module")
def shipped():
    return OBJECT.read_bytes()


def test_the_shipped_object_has_the_hooks_and_refers_to_the_maps(shipped):
    found = objectfile.read(shipped)
    assert found.programs.keys() == HOOKS.keys()
    assert found.license == "Dual MIT/GPL"
    named = {one.map for program in found.programs.values() for one in program.references}
    assert named == {*MAPS, objectfile.CONSTANTS}
    assert len(shipped) < 40_000  # no debug information


def test_the_other_shipped_object_has_one_program_for_an_event():
    found = objectfile.read(REFUSALS.read_bytes(), "raw_tp/")
    assert list(found.programs) == ["tcp_receive_reset"]
    named = {one.map for one in found.programs["tcp_receive_reset"].references}
    assert named == {"watched", "told"}
    assert found.license == "Dual MIT/GPL"


def test_linking_puts_descriptors_in_the_place_of_names(shipped):
    program = objectfile.read(shipped).programs["connect4"]
    maps = {name: 100 + number for number, name in enumerate([*MAPS, objectfile.CONSTANTS])}
    code = program.linked(maps)
    assert len(code) == len(program.code)
    for one in program.references:
        operation, registers, _, descriptor = struct.unpack_from("=BBhi", code, one.at)
        assert (operation, descriptor) == (0x18, maps[one.map])
        assert registers >> 4 == (2 if one.map == objectfile.CONSTANTS else 1)
    assert program.linked(maps) == code  # the first time has changed nothing


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda blob: b"", "it is no object"),
        (lambda blob: b"#!/bin/sh\n", "it is no object"),
        (lambda blob: blob[:64], "it is no object"),
        (lambda blob: blob[: len(blob) // 2], "it is no object"),
        (lambda blob: blob[:5] + b"\2" + blob[6:], "another byte order"),
        (lambda blob: blob.replace(b"license", b"lisence"), "no section license"),
        (lambda blob: blob.replace(b".rodata", b".rodatb"), "refers to .rodatb"),
    ],
)
def test_what_is_no_object_of_the_plane(shipped, damage, says):
    with pytest.raises(ValueError, match=says):
        objectfile.read(damage(shipped))
