"""What ``arpanet link`` understands, and where it keeps it."""

import argparse
import time

import pytest
from arpanet_ambassador.link import duration
from arpanet_ambassador.links.added import Added, put
from arpanet_ambassador.nodes import LINKS
from arpanet_ambassador.volume import Kept, change, place_of, read

from arpanet.errors import ArpanetError

REDIS = Added("id-web", 6379, "tcp", "redis")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172800)]
)
def test_durations(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "0s", "-5m", "1.5h", "10 m", "1y", "99999d"])
def test_what_is_no_duration(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is no time: write 90s"):
        duration(text)


class Engine:
    def __init__(self, mounts):
        self.mounts = mounts

    def own(self, part):
        return [argparse.Namespace(name="agent", state="running")]

    def inspect(self, name):
        return {"Mounts": self.mounts}


def test_the_place_is_where_docker_mounts_it_from():
    mounts = [{"Destination": "/etc/hosts", "Source": "/x"}]
    with pytest.raises(ArpanetError, match="former version; run 'arpanet slave start'"):
        place_of(Engine(mounts))
    mounts.append({"Destination": str(LINKS), "Source": "/volumes/links"})
    assert str(place_of(Engine(mounts))) == "/volumes/links"


def test_what_was_changed_is_kept(tmp_path):
    assert read(tmp_path) == ()
    change(tmp_path, lambda every: put(every, REDIS))
    assert read(tmp_path) == (REDIS,)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["added.json", "lock"]


def test_a_change_that_fails_changes_nothing(tmp_path):
    change(tmp_path, lambda every: put(every, REDIS))
    with pytest.raises(ArpanetError, match=r"can't be reached.*run this as root"):
        change(tmp_path / "missing", lambda every: every)
    (tmp_path / "added.json").write_text("[1]")
    with pytest.raises(ArpanetError, match=r"does not say which links.*remove that file"):
        change(tmp_path, lambda every: put(every, REDIS))
    assert (tmp_path / "added.json").read_text() == "[1]"


def test_the_ambassador_keeps_the_last_known_when_the_file_makes_no_sense(tmp_path):
    change(tmp_path, lambda every: put(every, REDIS))
    kept = Kept(tmp_path, lambda: None)
    assert kept.links() == {"id-web": (REDIS,)}
    (tmp_path / "added.json").write_text("nonsense")
    assert kept.links() == {"id-web": (REDIS,)}
    (tmp_path / "added.json").unlink()
    assert kept.links() == {}


def test_the_ambassador_knows_when_the_first_one_ends(tmp_path):
    kept = Kept(tmp_path, lambda: None)
    assert (kept.links(), kept.due()) == ({}, None)
    later, soon = time.time() + 5000, time.time() + 1000
    change(tmp_path, lambda _: (Added("a", 1, "tcp", "x", later), Added("b", 1, "tcp", "x", soon)))
    assert len(kept.links()) == 2
    assert 900 < (kept.due() or 0) <= 1000
