"""What the running installation is made of."""

import json
import sys
from importlib.metadata import Distribution
from pathlib import Path

import pytest

import arpanet
from arpanet.errors import ArpanetError
from arpanet.images import installation
from arpanet.images.tree import Tree


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("urllib3>=2.2,!=2.6.0", ["urllib3"]),
        ("zope.interface (>=5)", ["zope.interface"]),
        ("pywin32; sys_platform == 'win32'", []),
        ('paramiko>=2 ; extra == "ssh"', []),
        ("a[b,c]>1 ; python_version<'4' and extra=='x'", []),
        ("a ; extra == 'wanted'", ["a"]),
        ("", []),
        ("two words", []),
    ],
)
def test_requirements(line, expected):
    assert [one.name for one in installation.requirements([line], {"wanted"})] == expected


def test_arpanet_brings_what_it_requires_and_no_tools():
    names = {one.name.lower() for one in installation.distributions()}
    assert {"arpanet", "docker", "pluggy", "urllib3", "requests"} <= names
    assert not {"pip", "pytest", "mypy", "ruff"} & names


def test_a_bare_checkout_is_no_installation(monkeypatch):
    def missing(_):
        raise installation.PackageNotFoundError

    monkeypatch.setattr(installation, "distribution", missing)
    with pytest.raises(ArpanetError, match="not installed as a package"):
        installation.distributions()


def test_the_interpreter_and_its_library():
    tree = Tree()
    installation.add_python(tree)
    names = set(tree.files) | set(tree.links)
    assert installation.python() in names
    assert str(Path(sys.executable).resolve()) in names
    parts = {Path(name).name for name in names}
    assert {"os.py", "json", "ssl.py"} & parts == {"os.py", "ssl.py"}
    assert not any("/test/" in name or "/idlelib/" in name or "_tkinter" in name for name in names)


# -- distributions of several kinds ----------------------------------------------------------------


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Make a distribution from name -> content below a directory of the module search path."""
    base = tmp_path / "site"
    base.mkdir()
    monkeypatch.syspath_prepend(str(base))

    def make(files, name="thing"):
        for path, content in files.items():
            (base / path).parent.mkdir(parents=True, exist_ok=True)
            (base / path).write_text(content)
        return Distribution.at(base / f"{name}-1.dist-info")

    return base, make


def added(one, below):
    tree = Tree()
    installation.add_distributions(tree, [one])
    return {str(Path(name).relative_to(below)) for name in tree.files}


INFO = "thing-1.dist-info"
METADATA = "Metadata-Version: 2.1\nName: thing\nVersion: 1\n"


def test_what_a_plugin_requires_is_packed_with_it(installed, monkeypatch):
    """Wheels say so in their metadata, eggs in a file of its own; one requirement leads to more."""
    _, make = installed
    needs = "Requires-Dist: egg-of-it\nRequires-Dist: none; extra == 'x'\nRequires-Dist: gone\n"
    head = f"{METADATA}{needs}\nAbout it.\n"
    make({f"{INFO}/METADATA": head, f"{INFO}/entry_points.txt": "[arpanet.plugins]\nit = thing\n"})
    eggs = {"egg_of_it": "more-of-it[x]\n", "more_of_it": "[x]\nlast-of-it\n", "last_of_it": ""}
    for name, text in eggs.items():
        make({f"{name}.egg-info/PKG-INFO": f"Name: {name}\nVersion: 1\n"})
        make({f"{name}.egg-info/requires.txt": text})
    monkeypatch.setattr(installation, "_editable", lambda one: True)
    found = {one.metadata["Name"] for one in installation.distributions()}
    assert {"thing", *eggs, "arpanet"} <= found
    assert not {"none", "gone"} & found


def test_a_wheel(installed, tmp_path):
    base, make = installed
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/thing").touch()
    record = ["thing/__init__.py", "thing/data.txt", "gone.py", "../bin/thing", "thing/x.pyc"]
    one = make(
        {
            f"{INFO}/METADATA": METADATA,
            f"{INFO}/RECORD": "".join(f"{name},,\n" for name in [*record, f"{INFO}/METADATA"]),
            f"{INFO}/top_level.txt": "thing\n",
            "thing/__init__.py": "",
            "thing/data.txt": "",
            "thing/x.pyc": "",
            "thing/written_later.txt": "",
        }
    )
    assert added(one, base) == {"thing/__init__.py", "thing/data.txt", f"{INFO}/METADATA"}


def test_a_package_of_the_distribution_has_no_list(installed):
    base, make = installed
    one = make(
        {
            f"{INFO}/METADATA": METADATA,
            f"{INFO}/top_level.txt": "thing\nsingle\n_stale\n",
            "thing/__init__.py": "",
            "thing/sub/x.py": "",
            "single.py": "",
            "another.py": "",
        }
    )
    assert added(one, base) == {
        f"{INFO}/METADATA",
        f"{INFO}/top_level.txt",
        "thing/__init__.py",
        "thing/sub/x.py",
        "single.py",
    }


def test_an_editable_one_is_packed_where_its_sources_are(installed, tmp_path, monkeypatch):
    _, make = installed
    source = tmp_path / "work/src"
    for name in ("thing/__init__.py", "thing/.hidden/x", "helper.py", "notes/x.txt"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).touch()
    monkeypatch.syspath_prepend(str(source))
    direct = {"url": f"file://{tmp_path}/work", "dir_info": {"editable": True}}
    one = make(
        {
            f"{INFO}/METADATA": METADATA,
            f"{INFO}/direct_url.json": json.dumps(direct),
            f"{INFO}/RECORD": f"thing.pth,,\n{INFO}/METADATA,,\n",
            "thing.pth": f"{source}\nimport thing\n\n",
        }
    )
    assert added(one, tmp_path) == {
        f"site/{INFO}/METADATA",
        "site/thing.pth",
        "work/src/thing/__init__.py",
        "work/src/helper.py",
    }


def test_a_checkout_in_the_way_of_the_installation_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(installation, "_editable", lambda _: False)
    monkeypatch.setattr(arpanet, "__file__", str(tmp_path / "arpanet" / "__init__.py"))
    with pytest.raises(ArpanetError, match=f"runs from {tmp_path}, which is not where"):
        installation.distributions()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert installation.distributions()
