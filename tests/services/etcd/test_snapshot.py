"""Snapshots of a real etcd: whole, or not at all; and what is read of them."""

import hashlib
import json
import os
import subprocess

import pytest
from arpanet_etcd.upkeep import snapshot, taking
from arpanet_etcd.upkeep.origin import Origin

from arpanet.errors import ArpanetError, RegistryError, RegistryUnreachable
from tests.services.etcd.cluster import etcd_version
from tests.services.etcd.users import ALL, LAYOUT, M1, S1, access, client

KEY = "/arpanet/closed/upkeep/origin"


def take(cluster, target):
    return taking.take(cluster.endpoints, KEY, ("ca1",), target)


def names(directory):
    return [one.name for one in directory.iterdir()]


def signed(data: bytes) -> bytes:
    """The same with a checksum that is right."""
    return data[:-32] + hashlib.sha256(data[:-32]).digest()


def test_a_snapshot_is_etcds_own_and_says_what_it_is(clusters, tmp_path):
    cluster = clusters(1)
    for number in range(300):  # more than a page, and less than all of them in use
        cluster.gateway.put(f"/some/{number}", "x" * 1000)
    file = tmp_path / "snapshot"
    file.write_text("an older one")
    assert take(cluster, file) == file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == ["snapshot"]
    said = subprocess.run(
        ["etcdctl", "snapshot", "status", str(file), "-w", "json"],
        env={**os.environ, "ETCDCTL_API": "3"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert json.loads(said.stdout)["totalKey"] >= 300
    cluster_id = cluster.gateway.membership()[0]
    found = snapshot.read(file, KEY)
    assert found.origin == Origin(cluster_id, (), ("ca1",))
    assert found.version == etcd_version()[:2]


def test_a_restored_store_says_what_it_was(clusters, tmp_path):
    cluster, file = clusters(1), tmp_path / "snapshot"
    before = cluster.gateway.membership()[0]
    take(cluster, file)
    cluster.wipe(as_another=True)
    cluster.gateway.put(KEY, Origin(before, ("c0",), ("ca1",)).text())
    take(cluster, file)
    now = cluster.gateway.membership()[0]
    assert now != before
    assert snapshot.read(file, KEY).origin == Origin(now, (before, "c0"), ("ca1",))
    cluster.gateway.delete(KEY)
    cluster.save(file)
    assert snapshot.read(file, KEY).origin is None


def test_what_is_no_snapshot(clusters, tmp_path):
    cluster, file = clusters(1), tmp_path / "snapshot"
    take(cluster, file)
    whole = file.read_bytes()
    middle = len(whole) // 2
    damaged = [
        (b"", "it is too short"),
        (b"hello world\n" * 1000, "it does not end with a checksum that is right"),
        (whole[:-32], "it does not end with a checksum that is right"),
        (whole[: middle // 512 * 512 + 32], "it does not end with a checksum that is right"),
        (
            whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "it does not end with a checksum that is right",
        ),
        (signed(b"\0" * 8192 + b"\0" * 32), "it is no store of etcd"),
    ]
    for data, said in damaged:
        file.write_bytes(data)
        with pytest.raises(ArpanetError, match=rf"snapshot is no snapshot of etcd: {said}"):
            snapshot.read(file, KEY)
    with pytest.raises(ArpanetError, match="can't be read: No such file"):
        snapshot.read(tmp_path / "nothing", KEY)
    with pytest.raises(ArpanetError, match="can't be read: Is a directory"):
        snapshot.read(tmp_path, KEY)


def test_a_full_target_leaves_nothing_half(one_etcd, tmp_path):
    one_etcd.gateway.put("/big", "x" * 500_000)
    small = ["-t", "tmpfs", "-o", "size=128k", "tmpfs"]
    subprocess.run(["mount", *small, str(tmp_path)], check=True)
    try:
        file = tmp_path / "snapshot"
        file.write_text("an older one")
        with pytest.raises(ArpanetError, match=r"snapshot can't be written: No space left"):
            take(one_etcd, file)
        assert names(tmp_path) == ["snapshot"]
        assert file.read_text() == "an older one"
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_target_that_can_not_be(one_etcd, tmp_path):
    with pytest.raises(ArpanetError, match=r"nowhere/snapshot can't be written: No such file"):
        take(one_etcd, tmp_path / "nowhere" / "snapshot")
    with pytest.raises(ArpanetError, match=r"can't be written: Is a directory"):
        take(one_etcd, tmp_path)


def test_nobody_answers(clusters, tmp_path):
    cluster = clusters(1)
    cluster.members[0].kill()
    with pytest.raises(RegistryUnreachable, match="no master gives a snapshot: no master answers"):
        take(cluster, tmp_path / "snapshot")
    assert names(tmp_path) == []


def test_masters_alone_may(clusters, tmp_path, monkeypatch):
    cluster = clusters(1)
    access(cluster).admit(ALL, M1.host)
    for who, may in ((M1, True), (S1, False)):
        monkeypatch.setattr(snapshot, "Gateway", lambda _, who=who: client(cluster, who))
        file = tmp_path / who.host
        if may:
            assert snapshot.save(cluster.endpoints, file, print) == file.stat().st_size
            continue
        with pytest.raises(RegistryError, match="this host may not take a snapshot"):
            snapshot.save(cluster.endpoints, file, print)
        assert not file.exists()
    assert LAYOUT.kept("upkeep/origin") == KEY
