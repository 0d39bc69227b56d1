"""What an agent leaves and the command line reads."""

import pytest

from arpanet.agent import statusfile


class Engine:
    """Reads this host's files as if they were a container's."""

    def read_file(self, name, path):
        try:
            with open(path, "rb") as file:  # noqa: PTH123
                return file.read()
        except FileNotFoundError:
            return None


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(statusfile, "RUN", tmp_path / "run")
    return tmp_path / "run"


def test_the_last_state_is_read(run):
    for state in ({"instances": 1}, {"instances": 2, "trouble": "ü"}):
        statusfile.write("registrator", state)
        assert statusfile.read(Engine(), "arpanet_registrator", "registrator") == state
    assert [path.name for path in run.iterdir()] == ["registrator.json"]


@pytest.mark.parametrize("content", [None, "", "{", "[1]"])
def test_nothing_that_can_be_used(run, content):
    if content is not None:
        run.mkdir()
        (run / "x.json").write_text(content)
    assert statusfile.read(Engine(), "arpanet_registrator", "x") is None
