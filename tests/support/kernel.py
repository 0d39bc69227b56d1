"""What the kernel holds of a process's programs (eBPF)."""

import os
import struct
from contextlib import suppress
from pathlib import Path

from arpanet_ambassador.planes.socket import bpf

__all__ = ["programs_of", "there"]

_FD_BY_ID = 13


def programs_of(pid: int, processes: Path = Path("/proc")) -> list[int]:
    """Return the ids of the programs that a process has at events of the whole kernel.

    :param processes: a proc, maybe another host's, by whose numbers the process goes.
    """
    found = []
    with suppress(FileNotFoundError):  # it has ended
        for one in (processes / str(pid) / "fdinfo").iterdir():
            text = ""
            with suppress(FileNotFoundError):  # it is closed
                text = one.read_text()
            lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
            if lines.get("link_type", "").strip() == "raw_tracepoint":
                found.append(int(lines["prog_id"]))
    return found


def there(program: int) -> bool:
    """Tell whether the kernel has a program, by its id."""
    try:
        os.close(bpf.call(_FD_BY_ID, struct.pack("=III", program, 0, 0)))
    except FileNotFoundError:
        return False
    return True
