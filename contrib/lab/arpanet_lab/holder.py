"""Process 1 of a host: makes the host's file system, then reaps zombies until its power is cut.

Run as a script by its path, isolated (``python -I -S``), in new network, mount, UTS and PID
namespaces; it needs nothing but the standard library. All of the host ends with it.

``holder.py DIRECTORY HOSTNAME CGROUP`` holds a host, with empty words the lab's switch. CGROUP is
the kind that the host shows, ``v1``, ``v2`` or ``hybrid``; empty: as the machine has it. A further
word is the descriptor of a process (pidfd): when that one ends, so does this.
Its own record, ``DIRECTORY/holder.json``, is the first thing it writes: whoever started it may die
at any moment, and this record is how ``lab down`` finds it.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


def main(directory: Path, hostname: str, cgroup: str, owner: int | None) -> None:
    """Hold the namespaces that this process was started in, as long as *owner* lives."""
    os.umask(0o022)
    _write_record(directory)
    # in new namespaces the old /proc still shows, and numbers processes as seen from outside
    _mount("-t", "proc", "proc", "/proc")
    if hostname:
        socket.sethostname(hostname)
        _make_file_system(directory)
        _make_cgroups(cgroup)
    else:
        _make_switch()
    (directory / "ready").touch()
    _reap(owner)


def _write_record(directory: Path) -> None:
    stat = Path("/proc/self/stat").read_text()
    fields = stat.rpartition(")")[2].split()
    record = {
        "pid": int(Path("/proc/self").readlink().name),
        "start": int(fields[19]),
        "boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
    }
    fresh = directory / "holder.json.new"
    fresh.write_text(json.dumps(record))
    fresh.rename(directory / "holder.json")


def _make_file_system(directory: Path) -> None:
    _make_sys(directory)
    _mount(
        *("-t", "overlay", "overlay", "/etc", "-o"),
        f"lowerdir=/etc,upperdir={directory}/etc,workdir={directory}/etc.work",
    )
    Path("/var/lib/docker").mkdir(exist_ok=True)
    for name, target in (
        ("docker", "/var/lib/docker"),
        ("containerd", "/var/lib/containerd"),
        ("run", "/run"),
    ):
        image = directory / f"{name}.img"  # a disk of its own
        if image.exists():
            _mount("-o", "loop", str(image), target)
        elif Path(target).exists():
            _mount("--bind", str(directory / name), target)


def _make_sys(directory: Path) -> None:
    """Show this namespace's interfaces in ``/sys``, and still the cgroups."""
    kept = [path for path in ("/sys/fs/cgroup", "/sys/kernel/security") if os.path.ismount(path)]
    shelves = []
    for number, path in enumerate(kept):
        shelf = directory / f"shelf{number}"
        shelf.mkdir(exist_ok=True)
        _mount("--rbind", path, str(shelf))
        shelves.append(shelf)
    subprocess.run(["umount", "--recursive", "--lazy", "/sys"], check=True)
    _mount("-t", "sysfs", "sysfs", "/sys")
    for path, shelf in zip(kept, shelves, strict=True):
        _mount("--move", str(shelf), path)
        shelf.rmdir()


def _make_cgroups(kind: str) -> None:
    """Let a host show cgroups of *kind*, out of what the machine's kernel has mounted."""
    top, unified = "/sys/fs/cgroup", Path("/sys/fs/cgroup/unified")
    if kind == "v2":
        subprocess.run(["umount", "--recursive", top], check=True)
        _mount("-t", "cgroup2", "cgroup2", top)
    elif kind == "v1" and os.path.ismount(unified):
        subprocess.run(["umount", str(unified)], check=True)
    elif kind == "hybrid" and not os.path.ismount(unified):
        unified.mkdir(exist_ok=True)
        _mount("-t", "cgroup2", "cgroup2", str(unified))


def _make_switch() -> None:
    # a switch forwards frames; with this on, each would go through the IP firewall as well
    for family in ("ip", "ip6", "arp"):
        with suppress(FileNotFoundError):
            Path(f"/proc/sys/net/bridge/bridge-nf-call-{family}tables").write_text("0")


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(" ".join(done.stderr.split()))


def _reap(owner: int | None) -> None:
    bell, ringing = os.pipe()
    for end in (bell, ringing):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(ringing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    watched = [bell] if owner is None else [bell, owner]
    while True:
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        ready = select.select(watched, [], [])[0]
        if owner in ready:
            return
        os.read(bell, 4096)


if __name__ == "__main__":
    place, name, shown, *handle = sys.argv[1:]
    main(Path(place), name, shown, int(handle[0]) if handle else None)
