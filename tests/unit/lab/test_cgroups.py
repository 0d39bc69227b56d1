"""Cgroups of a lab: removed, whatever else removes them."""

import os
from pathlib import Path

import pytest
from arpanet_lab import cgroups

CONTAINER = f"{cgroups.ROOT}/lab1/host1/c1"


@pytest.fixture
def hierarchy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / CONTAINER).mkdir(parents=True)
    monkeypatch.setattr(cgroups, "_hierarchies", lambda: [tmp_path])
    return tmp_path


def test_all_of_a_lab_go_and_what_labs_share_with_the_last(hierarchy: Path):
    (hierarchy / cgroups.ROOT / "lab2").mkdir()
    assert cgroups.remove("lab1")
    assert [path.name for path in (hierarchy / cgroups.ROOT).iterdir()] == ["lab2"]
    assert cgroups.remove("lab2")
    assert list(hierarchy.iterdir()) == []


def test_one_that_goes_meanwhile_is_no_error(hierarchy: Path, monkeypatch: pytest.MonkeyPatch):
    look = os.scandir

    def too_late(path: str) -> object:
        if str(path) == str(hierarchy / CONTAINER):
            Path(path).rmdir()
        return look(path)

    monkeypatch.setattr(os, "scandir", too_late)
    assert cgroups.remove("lab1", "host1")
    assert not (hierarchy / CONTAINER).exists()
