"""A set of files as a digest and as a tar archive."""

import importlib.util
import io
import os
import py_compile
import tarfile
from pathlib import Path

import pytest

from arpanet.errors import ArpanetError
from arpanet.images.tree import Tree


@pytest.fixture
def packed():
    def pack(tree):
        found, content = {}, {}
        with tarfile.open(fileobj=io.BytesIO(b"".join(tree.archive()))) as tar:
            for one in tar:
                found[f"/{one.name}"] = one
                if one.isfile():
                    content[f"/{one.name}"] = tar.extractfile(one).read()
        return found, content

    return pack


def test_a_path_brings_its_links_and_its_directories(tmp_path, packed):
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/a.1").write_text("hello")
    (tmp_path / "usr/lib/a").symlink_to("a.1")
    (tmp_path / "lib").symlink_to("usr/lib")
    tree = Tree()
    assert tree.add(tmp_path / "lib/../lib/a") == tmp_path / "usr/lib/a.1"
    found, content = packed(tree)
    assert found[f"{tmp_path}/lib"].linkname == "usr/lib"
    assert found[f"{tmp_path}/usr/lib/a"].linkname == "a.1"
    assert found[f"{tmp_path}/usr/lib"].isdir()
    assert content[f"{tmp_path}/usr/lib/a.1"] == b"hello"
    assert not any(one.uid or one.gid for one in found.values())


def test_content_and_directories_of_ones_own(packed):
    tree = Tree()
    tree.files["/etc/x" + "y" * 200] = b"z" * 1000
    tree.directories["/tmp"] = 0o1777
    found, content = packed(tree)
    assert content["/etc/x" + "y" * 200] == b"z" * 1000
    assert found["/tmp"].mode == 0o1777


def test_a_directory_with_all_in_it(tmp_path, packed):
    for name in ("a.py", "sub/b.py", "tests/c.py", "sub/__pycache__/b.cpython-00.pyc"):
        (tmp_path / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "p" / name).write_text("1")
    (tmp_path / "p/again").symlink_to("sub")
    (tmp_path / "p/loop").symlink_to(".")
    (tmp_path / "p/dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "p/fifo")
    tree = Tree()
    tree.add_all(tmp_path / "p", lambda name: name == "tests")
    found, _ = packed(tree)
    names = {name.removeprefix(f"{tmp_path}/p/") for name, one in found.items() if one.isfile()}
    assert names == {"a.py", "sub/b.py"}
    assert found[f"{tmp_path}/p/again"].issym()


def test_of_what_is_listed_all_that_is_there(tmp_path):
    (tmp_path / "lib64").symlink_to("lib")
    (tmp_path / "lib/sub").mkdir(parents=True)
    (tmp_path / "lib/sub/a").touch()
    (tmp_path / "lib/b").symlink_to("sub/a")
    (tmp_path / "lib/dangling").symlink_to("nowhere")
    names = ["lib64/sub/a", "lib64/b", "lib64/gone", "lib64/no/where", "lib64/dangling", "lib/sub"]
    listed, added = Tree(), Tree()
    listed.add_listed(f"{tmp_path}/{name}" for name in names)
    for name in ("lib64/sub/a", "lib64/b", "lib/sub"):
        added.add(tmp_path / name)
    assert listed.files == added.files == {f"{tmp_path}/lib/sub/a": f"{tmp_path}/lib/sub/a"}
    assert listed.links == added.links
    assert listed.directories == added.directories


def test_compiled_modules_are_packed_and_do_not_count(tmp_path, packed):
    module = tmp_path / "a.py"
    module.write_text("x = 1")
    tree = Tree()
    tree.add(module)
    before = tree.digest()
    py_compile.compile(str(module))
    assert importlib.util.cache_from_source(str(module)) in packed(tree)[0]
    assert tree.digest() == before


def test_the_digest_is_of_all_that_is_in_it(tmp_path):
    path = tmp_path / "a"
    path.write_text("one")
    tree = Tree()
    tree.add(path)
    seen = {tree.digest(), tree.digest("more")}
    assert tree.digest() in seen
    os.utime(path, (1, 1))
    seen.add(tree.digest())
    path.chmod(0o700)
    seen.add(tree.digest())
    tree.files["/x"] = b"1"
    seen.add(tree.digest())
    tree.links["/l"] = "x"
    seen.add(tree.digest())
    tree.directories["/d"] = 0o755
    seen.add(tree.digest())
    assert len(seen) == 7
    assert all(len(one) == 12 for one in seen)


@pytest.mark.parametrize(
    "change", [Path.unlink, lambda path: path.write_text("")], ids=["goes", "shrinks"]
)
def test_a_file_that_changes_while_it_is_packed(tmp_path, monkeypatch, change):
    paths = [tmp_path / "a", tmp_path / "b"]
    tree = Tree()
    for path in paths:
        path.write_bytes(b"x" * 10)
        tree.add(path)

    def look(path):
        found = Path(path).stat()
        if Path(path) == paths[1]:
            change(Path(path))
        return found

    monkeypatch.setattr(Tree, "_stat", staticmethod(look))
    with pytest.raises(ArpanetError, match=f"cannot pack {paths[1]}: (No such|it changed while)"):
        list(tree.archive())


def test_what_cannot_be_added(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    for name in ("missing", "loop"):
        with pytest.raises(ArpanetError, match=f"cannot pack .*{name}"):
            Tree().add(tmp_path / name)
