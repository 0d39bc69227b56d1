"""Images packed for a real dockerd."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from arpanet_ambassador.planes.nftables.nft import LIBRARY

from arpanet import settings
from arpanet.context import Context
from arpanet.docker.engine import Engine
from arpanet.errors import ArpanetError, EngineError
from arpanet.images import node
from tests.conftest import SLOW, wait_for


@pytest.fixture
def engine(clean_dockerd):
    """It may have the node's image of an earlier test, which takes seconds to pack."""
    engine = Engine.connect(f"unix://{clean_dockerd.docker_socket}")
    yield engine
    engine.close()


@pytest.fixture
def unpacked(engine):
    """It has none."""
    for tag in engine.images(node.REPOSITORY):
        engine.remove_image(tag)


@pytest.fixture
def context(engine):
    said = []
    context = Context(settings.load(settings.CORE, environment={}), None, said.append)
    context.engine = engine
    context.said = said
    return context


@pytest.mark.usefixtures("unpacked")
def test_a_node_of_the_packed_image_runs(context, engine):
    tag = node.node_image(context)
    began = time.monotonic()
    context.packed = ""  # as in another process
    assert node.node_image(context) == tag
    again = time.monotonic() - began
    size = engine._api.inspect_image(tag)["Size"]
    print(f"\n{context.said[-1]}; image {size / 1e6:.0f} MB; unchanged: {again:.2f} s")  # noqa: T201
    assert again < 5 * SLOW
    assert b"nftables" in engine.run_once(tag, ["nft", "-v"])[1]
    assert engine.run_once(tag, ["nsenter", "--version"])[0] == 0
    script = (
        "import arpanet, docker, pluggy, urllib3, etcd, dns\n"
        "import ctypes, json, socket, ssl, sys, tempfile\n"
        "from importlib.metadata import entry_points, version\n"
        "socket.gethostbyname('localhost'), ssl.create_default_context(), tempfile.mkdtemp()\n"
        f"ctypes.CDLL({LIBRARY!r})\n"
        "points = [p.load().__name__ for p in entry_points(group='arpanet.plugins')\n"
        "          if p.dist.name == 'arpanet' and p.name == 'registrator']\n"
        "print(json.dumps([sys.executable, sys.path[1:], version('docker'), points]))\n"
    )
    code, out, err = engine.run_once(tag, [sys.executable, "-c", script])
    assert (code, err) == (0, b"")
    here = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert json.loads(out) == json.loads(here.stdout)


def test_the_entry_point_is_arpanet(context, engine):
    engine.create("node", {"Image": node.node_image(context), "Cmd": ["--version"]})
    engine.start("node")
    wait_for(lambda: engine.logs("node").startswith("arpanet "))


def test_old_images_go_when_nothing_uses_them(context, engine):
    """Once the new one runs; of those that nothing uses the newest stays."""
    for tag in ("oldest", "old", "before"):
        node.pack_binaries(engine, f"{node.REPOSITORY}:{tag}", ["true"], files={"/x": tag.encode()})
        made = int(time.time())  # Docker tells an image's age in seconds
        wait_for(lambda made=made: int(time.time()) > made)
    engine._api.tag("redis", node.REPOSITORY, "used")
    engine.create("uses", {"Image": "redis"})
    packed = node.node_image(context)
    engine.create("node", {"Image": packed})
    node.remove_old(engine)
    kept = {packed, f"{node.REPOSITORY}:used", f"{node.REPOSITORY}:before"}
    assert set(engine.images(node.REPOSITORY)) == kept
    assert engine.has_image("redis") and engine.has_image("busybox")


def test_binaries(engine):
    node.pack_binaries(
        engine,
        "arpanet/tools:1",
        ["sh", "cat", "ls"],
        command=["cat", "/etc/mine"],
        files={"/etc/mine": b"hello", "/etc/theirs": Path("/etc/hostname")},
        directories=("/tmp", "/var/lib/mine"),
    )
    assert engine.run_once("arpanet/tools:1", ["cat", "/etc/mine"]) == (0, b"hello", b"")
    assert engine.run_once("arpanet/tools:1", ["ls", "-d", "/var/lib/mine", "/tmp"])[0] == 0
    assert engine._api.inspect_image("arpanet/tools:1")["Config"]["Cmd"] == ["cat", "/etc/mine"]


@pytest.mark.usefixtures("unpacked")
def test_a_packing_that_is_interrupted_leaves_nothing(context, engine, monkeypatch):
    def interrupted(tree):
        for number, data in enumerate(whole(tree)):
            if number == 3000:
                raise KeyboardInterrupt
            yield data

    whole = node.Tree.archive
    monkeypatch.setattr(node.Tree, "archive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        node.node_image(context)
    monkeypatch.undo()
    assert engine.images(node.REPOSITORY) == {}
    assert engine._api.images(all=True, filters={"dangling": True}) == []
    assert engine.has_image(node.node_image(context))


@pytest.mark.usefixtures("unpacked")
def test_a_file_that_vanishes_while_it_is_packed(context, engine, monkeypatch, tmp_path):
    def vanishes(tree):
        (tmp_path / "a").unlink(missing_ok=True)
        yield from whole(tree)

    (tmp_path / "a").touch()
    add = node._add_base
    monkeypatch.setattr(
        node, "_add_base", lambda tree, names: (add(tree, names), tree.add(tmp_path / "a"))
    )
    whole = node.Tree.archive
    monkeypatch.setattr(node.Tree, "archive", vanishes)
    with pytest.raises(ArpanetError, match=f"cannot pack {tmp_path}/a: No such file"):
        node.node_image(context)
    assert engine.images(node.REPOSITORY) == {}


@pytest.fixture
def small_dockerd(clean_dockerd):
    """A second dockerd of the host, whose disk is 60 MB."""
    host = clean_dockerd
    base = "/run/small"
    mount = f"mkdir -p {base}/data && mount -t tmpfs -o size=60m tmpfs {base}/data"
    host.run(["sh", "-c", mount])
    words = f"--data-root {base}/data --exec-root {base}/exec --pidfile {base}/pid"
    words += f" -H unix://{base}/docker.sock --bridge none --iptables=false --ip-masq=false"
    words += " --containerd /run/docker/containerd/containerd.sock"
    nowhere = subprocess.DEVNULL
    process = host.popen(
        ["unshare", "--net", "dockerd", *words.split()], stdout=nowhere, stderr=nowhere
    )
    socket = Path(f"/proc/{host.pid}/root{base}/docker.sock")
    try:
        wait_for(socket.exists, 30)
        yield f"unix://{socket}"
    finally:
        process.terminate()
        process.wait(30)
        host.run(["umount", f"{base}/data"], check=False)


def test_docker_has_no_room(small_dockerd, context):
    context.engine = Engine.connect(small_dockerd)
    with pytest.raises(EngineError) as caught:
        node.node_image(context)
    said = str(caught.value)
    assert "no space left on device" in said and said.endswith(
        "free some space where Docker keeps its data"
    )
    assert "\n" not in said
    assert context.engine.images(node.REPOSITORY) == {}
    node.pack_binaries(context.engine, "small:1", ["true"])
    assert context.engine.has_image("small:1")
    context.engine.close()
