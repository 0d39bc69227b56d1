"""bpf(2) without a library: the few commands that the socket plane needs.

Own code, since what there is asks for more than it gives: libbpf's errors and names differ between
the distributions' versions, and bindings of the kernel's tracing bring a compiler along. Numbers
and layouts: linux/bpf.h, ``enum bpf_cmd`` and ``union bpf_attr``.

Every function raises :class:`OSError` with the kernel's own number.
"""

import ctypes
import os
import struct

__all__ = [
    "ALLOW_MULTI",
    "ARRAY",
    "HASH",
    "LRU_HASH",
    "NO_PREALLOC",
    "RAW_TRACEPOINT",
    "READ_ONLY",
    "RING",
    "SK_STORAGE",
    "SOCK_ADDR",
    "attach",
    "attach_raw",
    "attached",
    "call",
    "describe_map",
    "detach",
    "freeze",
    "load",
    "load_types",
    "make_map",
    "obtain",
    "pin",
    "pointer",
    "replace",
]

#: Kinds and flags of maps.
HASH, ARRAY, LRU_HASH, SK_STORAGE, RING = 1, 2, 9, 24, 27
NO_PREALLOC, READ_ONLY = 1, 1 << 7
#: Flag of attaching: others may attach, too.
ALLOW_MULTI = 2

_MAP_CREATE, _PROG_LOAD, _OBJ_PIN, _OBJ_GET, _PROG_QUERY = 0, 5, 6, 7, 16
_INFO_BY_FD, _BTF_LOAD, _MAP_FREEZE, _LINK_CREATE, _LINK_UPDATE = 15, 18, 22, 28, 29
_LINK_DETACH = 34
_RAW_TRACEPOINT_OPEN = 17
#: Kinds of programs.
SOCK_ADDR, RAW_TRACEPOINT = 18, 17
#: Bytes of the verifier's reasons.
_LOG = 1 << 20
#: More programs than anybody attaches to one cgroup (the kernel takes 64).
_MOST = 64

_CALLS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "s390x": 351, "ppc64le": 361}
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def call(command: int, attributes: "ctypes.Array[ctypes.c_char] | bytes") -> int:
    """Do *command* and return its result; an array is also what the kernel answers into."""
    machine = os.uname().machine
    number = _CALLS.get(machine)
    if number is None:
        raise OSError(38, f"bpf(2) is not known for {machine}")
    if isinstance(attributes, bytes):
        attributes = ctypes.create_string_buffer(attributes, len(attributes))
    came: int = _libc.syscall(number, command, attributes, len(attributes))
    if came < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return came


def pointer(buffer: "ctypes.Array[ctypes.c_char]") -> int:
    """Return the address of *buffer*, which must be kept as long as it is used."""
    return ctypes.addressof(buffer)


# -- what lives in a bpffs -------------------------------------------------------------------------


def pin(descriptor: int, path: str) -> None:
    """Keep a map, program or link alive at *path*."""
    name = _text(path)
    call(_OBJ_PIN, struct.pack("=QII", pointer(name), descriptor, 0))


def obtain(path: str) -> int:
    """Return a descriptor of what is pinned at *path*."""
    name = _text(path)
    return call(_OBJ_GET, struct.pack("=QII", pointer(name), 0, 0))


# -- maps ------------------------------------------------------------------------------------------


def make_map(
    kind: int, key: int, value: int, entries: int, flags: int, name: str, types: int = 0
) -> int:
    """Return a new map; sizes in bytes.

    :param types: a descriptor from :func:`load_types`, for kinds that want to know types.
    """
    about = (types, 1, 3) if types else (0, 0, 0)
    return call(
        _MAP_CREATE,
        struct.pack(
            "=IIIIIII16sIIIII", kind, key, value, entries, flags, 0, 0, name.encode(), 0, *about, 0
        ),
    )


def describe_map(descriptor: int) -> tuple[int, int, int, int]:
    """Return (kind, key size, value size, entries) of a map."""
    info = ctypes.create_string_buffer(80)
    call(_INFO_BY_FD, struct.pack("=IIQ", descriptor, len(info), pointer(info)))
    kind, _, key, value, entries = struct.unpack_from("=IIIII", info)
    return kind, key, value, entries


def load_types(value: int) -> int:
    """Return type information: 1 is an int, 3 an array of *value* bytes (linux/btf.h)."""
    names = b"\0int\0byte\0"
    kinds = struct.pack("=IIII", 1, 1 << 24, 4, 1 << 24 | 32)
    kinds += struct.pack("=IIII", 5, 1 << 24, 1, 8)
    kinds += struct.pack("=IIIIII", 0, 3 << 24, 0, 2, 1, value)
    head = struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(kinds), len(kinds), len(names))
    blob = head + kinds + names
    data = ctypes.create_string_buffer(blob, len(blob))
    return call(_BTF_LOAD, struct.pack("=QQIII", pointer(data), 0, len(blob), 0, 0))


def freeze(descriptor: int) -> None:
    """Let nobody write the map any more: the verifier then knows its content."""
    call(_MAP_FREEZE, struct.pack("=I", descriptor))


# -- programs --------------------------------------------------------------------------------------


def load(code: bytes, hook: int, name: str, terms: str, kind: int = SOCK_ADDR) -> int:
    """Return a new program for *hook*; an error tells the verifier's last words."""
    data, license_ = ctypes.create_string_buffer(code, len(code)), _text(terms)
    log = ctypes.create_string_buffer(_LOG)

    def attempt(level: int) -> int:
        report = (level, len(log), pointer(log)) if level else (0, 0, 0)
        about = (kind, len(code) // 8, pointer(data), pointer(license_), *report)
        return call(
            _PROG_LOAD, struct.pack("=IIQQIIQII16sII", *about, 0, 0, name.encode(), 0, hook)
        )

    try:
        return attempt(0)
    except OSError as problem:
        try:
            return attempt(1)
        except OSError:
            # the last line counts instructions; the one before it says what is wrong
            said = [line for line in log.value.decode(errors="replace").splitlines() if line]
            why = next((one for one in reversed(said) if not one.startswith("processed ")), "")
            words = f"{problem.strerror}: {why}" if why else str(problem.strerror)
            raise OSError(problem.errno, words) from None


def attach(program: int, cgroup: int, hook: int) -> int:
    """Return a link that holds *program* at *hook* of *cgroup*, beside everybody else's."""
    return call(_LINK_CREATE, struct.pack("=IIII", program, cgroup, hook, 0))


def attach_raw(program: int, event: str) -> int:
    """Return what has *program* called at an event of the whole kernel, until it is closed."""
    name = _text(event)
    return call(_RAW_TRACEPOINT_OPEN, struct.pack("=QIIQ", pointer(name), program, 0, 0))


def replace(link: int, program: int) -> None:
    """Put *program* in the place of the link's, with no moment between."""
    call(_LINK_UPDATE, struct.pack("=IIII", link, program, 0, 0))


def detach(link: int) -> None:
    """Detach a link's program now: without this, the kernel does it soon after the last pin."""
    call(_LINK_DETACH, struct.pack("=I", link))


def attached(cgroup: int, hook: int) -> tuple[list[int], int]:
    """Return the ids of all programs at *hook* of *cgroup* itself, and the flags of attaching."""
    ids = ctypes.create_string_buffer(4 * _MOST)
    query = ctypes.create_string_buffer(
        struct.pack("=IIIIQII", cgroup, hook, 0, 0, pointer(ids), _MOST, 0), 32
    )
    call(_PROG_QUERY, query)
    flags, count = struct.unpack_from("=I8xI", query, 12)
    return list(struct.unpack_from(f"={count}I", ids)), flags


def _text(text: str) -> "ctypes.Array[ctypes.c_char]":
    return ctypes.create_string_buffer(os.fsencode(text))
