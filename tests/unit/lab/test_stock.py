"""What labs share of their images."""

from pathlib import Path

import pytest
from arpanet_lab import stock

from arpanet.errors import ArpanetError

CATALOGUE, LAYER, OWN = "image/overlay2/repositories.json", "overlay2/a/diff/bin/x", "network/db"


@pytest.fixture
def docker(tmp_path: Path) -> Path:
    """What a dockerd with one image leaves."""
    for name in (CATALOGUE, LAYER, OWN):
        (tmp_path / "docker" / name).parent.mkdir(parents=True)
        (tmp_path / "docker" / name).write_text(name)
    return tmp_path / "docker"


def test_layers_are_shared_and_the_catalogue_is_each_hosts_own(docker: Path, tmp_path: Path):
    kept, given = tmp_path / "stock", tmp_path / "host"
    stock.take(docker, kept)
    stock.give(kept, given)
    assert (given / LAYER).samefile(docker / LAYER)
    assert (given / CATALOGUE).read_text() == CATALOGUE
    assert not (given / CATALOGUE).samefile(docker / CATALOGUE)
    assert not (given / OWN).exists()


def test_a_host_that_has_images_keeps_its_own(docker: Path, tmp_path: Path):
    stock.take(docker, tmp_path / "stock")
    (docker / CATALOGUE).write_text("more")
    stock.give(tmp_path / "stock", docker)
    assert (docker / CATALOGUE).read_text() == "more"


def test_nothing_to_keep(tmp_path: Path):
    with pytest.raises(ArpanetError, match="no images of the overlay2 driver"):
        stock.take(tmp_path, tmp_path / "stock")
