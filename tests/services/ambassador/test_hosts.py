"""Hosts files of processes with a root of their own."""

import os
import subprocess
import sys

import pytest
from arpanet_ambassador.names.hosts import read

SLEEPS = "import os, sys, time; os.chroot(sys.argv[1]); print(flush=True); time.sleep(60)"


@pytest.fixture
def within(tmp_path):
    """A process whose root is ``tmp_path``."""
    (tmp_path / "etc").mkdir()
    command = [sys.executable, "-c", SLEEPS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process.pid, tmp_path
        process.kill()


def test_absolute_links_are_followed_within_the_containers_root(within):
    pid, root = within
    (root / "etc" / "hosts").symlink_to("/mine")
    (root / "mine").write_text("10.0.0.1 mine")
    assert read(pid) == "10.0.0.1 mine"
    (root / "mine").unlink()
    (root / "mine").symlink_to("/etc/hostname")  # there is one outside, and none within
    assert read(pid) == ""
    (root / "mine").unlink()
    (root / "mine").symlink_to("../../../../../../etc/passwd")
    assert read(pid) == ""


def test_only_plain_files_are_read(within):
    pid, root = within
    os.mkfifo(root / "etc" / "hosts")
    assert read(pid) == ""


def test_no_more_than_64_kib_are_read(within):
    pid, root = within
    (root / "etc" / "hosts").write_text("#" * 100_000)
    assert len(read(pid)) == 65_536
