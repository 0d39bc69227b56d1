"""The compiled programs, as clang wrote them: read, and made ready for the kernel; pure.

Sources: the ELF specification; linux/bpf.h, "struct bpf_insn"; the relocations of Documentation/
bpf/llvm_reloc.rst.
"""

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import Section, SymbolTableSection

__all__ = ["CONSTANTS", "ObjectFile", "Program", "read"]

#: The section of constants that are set before loading; also the name of their map.
CONSTANTS = ".rodata"
_MAPS = ".maps"
#: Two kinds of references to a map (BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE).
_WHOLE, _WITHIN = 1, 2


@dataclass(frozen=True)
class Reference:
    """An instruction that names a map.

    :ivar at: offset of the instruction, bytes.
    :ivar within: offset in the map's only value, ``None``: the map itself.
    """

    at: int
    map: str
    within: int | None


@dataclass(frozen=True)
class Program:
    """The code for one hook."""

    name: str
    code: bytes
    references: tuple[Reference, ...]

    def linked(self, maps: Mapping[str, int]) -> bytes:
        """Return the code with descriptors of *maps* in the place of their names."""
        code = bytearray(self.code)
        for one in self.references:
            kind = _WHOLE if one.within is None else _WITHIN
            # a 64-bit load is two instructions: the register shares a byte with the kind
            code[one.at + 1] = code[one.at + 1] & 0x0F | kind << 4
            struct.pack_into("=i", code, one.at + 4, maps[one.map])
            struct.pack_into("=i", code, one.at + 12, one.within or 0)
        return bytes(code)


@dataclass(frozen=True)
class ObjectFile:
    """What an object holds: *programs* by hook, and their *license*."""

    programs: Mapping[str, Program]
    license: str


def read(blob: bytes, prefix: str = "cgroup/") -> ObjectFile:
    """Return what is in an object.

    :param prefix: what the names of the programs' sections begin with.
    :raises ValueError: it is none, or none for this machine's byte order.
    """
    try:
        file = ELFFile(io.BytesIO(blob))
        if file.little_endian != (struct.pack("=H", 1)[0] == 1):
            raise ValueError("it is compiled for another byte order")
        programs = {
            name.removeprefix(prefix): _program(file, name, section.data())
            for section in file.iter_sections()
            if (name := section.name).startswith(prefix)
        }
        terms = _section(file, "license").data().rstrip(b"\0").decode()
    except (ELFError, struct.error) as problem:
        raise ValueError(f"it is no object ({problem})") from problem
    return ObjectFile(programs, terms)


def _program(file: ELFFile, section: str, code: bytes) -> Program:
    relocations = _section(file, f".rel{section}")
    symbols = file.get_section_by_name(".symtab")
    if not isinstance(relocations, RelocationSection) or not isinstance(
        symbols, SymbolTableSection
    ):
        raise ValueError(f"{section} has no references")
    references = []
    for one in relocations.iter_relocations():
        at, symbol = one["r_offset"], symbols.get_symbol(one["r_info_sym"])
        home = file.get_section(symbol["st_shndx"]).name
        if home == _MAPS:
            references.append(Reference(at, symbol.name, None))
        elif home == CONSTANTS:
            (addend,) = struct.unpack_from("=i", code, at + 4)
            references.append(Reference(at, CONSTANTS, symbol["st_value"] + addend))
        else:
            raise ValueError(f"{section} refers to {home}, which the plane does not have")
    return Program(section.partition("/")[2], code, tuple(references))


def _section(file: ELFFile, name: str) -> Section:
    found = file.get_section_by_name(name)
    if found is None:
        raise ValueError(f"it has no section {name}")
    return found
