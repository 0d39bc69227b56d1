"""What was drained by hand: kept, read, and never half of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from arpanet.errors import ArpanetError
from arpanet.host.drained import Drained, change, place, read
from arpanet.testing import container


def test_a_mark_is_of_one_run(tmp_path: Path) -> None:
    path, web = tmp_path / "deep" / "drained.json", container("web")
    assert read(path) == Drained()
    one = Drained(containers={web.id: web.started})
    assert change(path, lambda now: one)
    assert read(path) == one and one.holds(web)
    assert not one.holds(replace(web, started="2030-01-01T00:00:00Z"))
    assert not one.holds(container("other"))
    assert not change(path, lambda now: now)
    assert change(path, lambda now: replace(now, host=True))
    assert read(path).holds(container("other"))
    assert not read(path).holds(container("etcd", labels={"arpanet.part": "etcd"}))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"containers": 3}', "\x00"])
def test_nonsense_is_not_taken_for_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "drained.json"
    path.write_text(text)
    with pytest.raises(ValueError):
        read(path)
    with pytest.raises(ArpanetError, match="can't be written down"):
        change(path, lambda now: Drained(True))
    assert path.read_text() == text


def test_it_lies_beside_dockers_socket() -> None:
    assert place().parts[-3:] == ("run", "arpanet", "drained.json")
