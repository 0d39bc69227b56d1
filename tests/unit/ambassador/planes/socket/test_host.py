"""What a host has mounted, as the kernel tells it."""

import pytest
from arpanet_ambassador.planes.socket.host import BPFFS, mounted

SYSFS = "20 1 0:19 / /sys rw,nosuid shared:2 - sysfs sysfs rw\n"
BPF = "29 20 0:25 / /sys/fs/bpf rw,nosuid shared:9 - bpf bpf rw,mode=700\n"
SEALED = "29 20 0:25 / /sys/fs/bpf ro,nosuid - bpf bpf rw,mode=700\n"
FROZEN = "29 20 0:25 / /sys/fs/bpf rw - bpf bpf ro\n"
OVER = "30 29 0:26 / /sys/fs/bpf rw master:3 shared:4 - tmpfs tmpfs rw\n"


@pytest.mark.parametrize(
    ("mountinfo", "writable"),
    [
        ("", None),
        (SYSFS, None),
        (SYSFS + BPF, True),
        (SYSFS + SEALED, False),
        (SYSFS + FROZEN, False),
        (SYSFS + BPF + OVER, None),
        (SYSFS + OVER + BPF, True),
    ],
)
def test_bpffs(mountinfo, writable):
    assert mounted(mountinfo, BPFFS, "bpf") is writable
