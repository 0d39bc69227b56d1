"""What an exchange is about stays on the disk for as long as it is not over."""

import pytest
from arpanet_etcd.masters.image import Image
from arpanet_etcd.upkeep import journal
from arpanet_etcd.upkeep.journal import Exchange

from arpanet.errors import ArpanetError, EngineError

WHAT = Exchange(
    Image("etcd:a", (3, 4, 23)), Image("etcd:b", (3, 5, 30)), ("--initial-cluster=h1=http://x",)
)


def test_it_is_there_until_the_exchange_is_over(tmp_path):
    file = tmp_path / "upgrade.json"
    assert journal.begun(file) is None
    with journal.kept(file, WHAT):
        assert journal.begun(file) == WHAT
    assert journal.begun(file) is None


def test_one_that_failed_in_its_own_words_is_over(tmp_path):
    file = tmp_path / "upgrade.json"
    with pytest.raises(EngineError), journal.kept(file, WHAT):
        raise EngineError("not well; the one of before runs again")
    assert journal.begun(file) is None


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, ValueError])
def test_one_that_was_interrupted_is_not(tmp_path, end):
    file = tmp_path / "upgrade.json"
    with pytest.raises(end), journal.kept(file, WHAT):
        raise end
    assert journal.begun(file) == WHAT


@pytest.mark.parametrize("text", ["", "[]", '{"before": {"tag": "x", "version": [1]}}', "{"])
def test_what_makes_no_sense_is_nothing(tmp_path, text):
    file = tmp_path / "upgrade.json"
    file.write_text(text)
    assert journal.begun(file) is None


def test_where_it_can_not_be_kept_nothing_begins(tmp_path):
    with (
        pytest.raises(ArpanetError, match="can't be written"),
        journal.kept(tmp_path / "none/upgrade.json", WHAT),
    ):
        pytest.fail("it began")
