"""What tests run on instead of the system's own: another release's packages, or one etcd."""

import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["PACKAGES", "root", "versions", "within"]

#: What arpanet and the lab run. Everything that these need comes along, the C library too.
PACKAGES = ("docker.io", "docker-cli", "containerd", "runc", "etcd-server", "etcd-client")
_SECONDS = 900.0
_KEYRINGS = Path("/usr/share/keyrings")


def root(name: str, place: Path) -> Path:
    """Return a directory below *place* whose ``usr`` has what is to cover the system's.

    :param name: of a release, or the path of an etcd, which has a slash in it.
    :raises SystemExit: it can't be done; its words say why.
    """
    return _beside(Path(name), place) if "/" in name else _unpack(name, place)


def _beside(etcd: Path, place: Path) -> Path:
    """Take one program, and the etcdctl that lies beside it, if any: else the system's is used."""
    if not etcd.is_file():
        sys.exit(f"there is no etcd {etcd}")
    programs = place / "root/usr/bin"
    shutil.rmtree(programs, ignore_errors=True)  # of another day
    programs.mkdir(parents=True)
    shutil.copy(etcd, programs / "etcd")
    if (control := etcd.with_name("etcdctl")).is_file():
        shutil.copy(control, programs)
    return place / "root"


def _unpack(suite: str, place: Path) -> Path:
    """Fetch :data:`PACKAGES` of *suite* from the mirror that the system uses.

    The system's own apt and dpkg learn nothing of it.
    """
    root = place / "root"
    options = _apt(suite, place)
    _run("apt-get", *options, "update")
    _run("apt-get", *options, "install", "--download-only", "-y", *PACKAGES)
    for package in sorted((place / "cache/archives").glob("*.deb")):
        _run("dpkg-deb", "--extract", str(package), str(root))
    return root


def within(root: Path | None, command: list[str]) -> list[str]:
    """Return what to run so that *command* finds the programs of *root* as the system's.

    Their files cover the system's in a mount namespace of the command's own: all that it starts
    runs them, images that are packed hold them, and nobody else sees them.
    """
    if root is None:
        return command
    script = 'mount -t overlay overlay -o "lowerdir=$0/usr:/usr" /usr && exec "$@"'
    return ["unshare", "--mount", "sh", "-ec", script, str(root), *command]


def versions(root: Path | None) -> dict[str, str]:
    """Return program -> version, as each says it.

    :raises SystemExit: one does not run.
    """
    found = {}
    for program, word in {"etcd": 2, "dockerd": 2, "containerd": 2, "runc": 2}.items():
        said = _run(*within(root, [program, "--version"]))
        found[program] = said.split()[word].partition("+")[0].rstrip(",").partition("~")[0]
    return found


def _apt(suite: str, place: Path) -> list[str]:
    """Return options that give apt lists, a cache and a source of its own."""
    for name in ("lists/partial", "cache/archives/partial"):
        (place / name).mkdir(parents=True, exist_ok=True)
    keys = ",".join(str(path) for path in sorted(_KEYRINGS.glob("*-archive-keyring.gpg")))
    signed = f"[signed-by={keys}] " if keys else ""
    (place / "sources.list").write_text(f"deb {signed}{_mirror()} {suite} main\n")
    settings = {
        "Dir::Etc::sourcelist": place / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::status": "/dev/null",  # nothing is installed: all that is needed is fetched
        "Dir::State::lists": place / "lists",
        "Dir::Cache": place / "cache",
        "Acquire::Check-Valid-Until": "false",  # a snapshot of a suite that moves
        "Acquire::Languages": "none",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _mirror() -> str:
    """Return where the system gets its own release from."""
    release = Path("/etc/os-release").read_text().partition("VERSION_CODENAME=")[2].split()[0]
    wanted = ("--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages")
    for line in _run("apt-get", "indextargets", *wanted).splitlines():
        name, _, address = line.partition(" ")
        if name == release:
            return address
    sys.exit(f"apt has no source of {release} to take other suites from")


def _run(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_SECONDS, errors="replace"
    )
    if done.returncode:
        words = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        sys.exit(f"{' '.join(command)[:200]} ended with {done.returncode}:\n{words}")
    return done.stdout
