"""Which snapshots stay."""

from arpanet_etcd.upkeep.caretaker import superfluous


def test_the_newest_stay_and_what_is_no_snapshot(tmp_path):
    names = [f"arpanet-2026010{day}T000000Z.db" for day in range(1, 6)]
    for name in (*names, "before-upgrade.db"):
        (tmp_path / name).touch()
    assert [one.name for one in superfluous(tmp_path, names[-1], 3)] == names[:2]
    assert superfluous(tmp_path, names[-1], 5) == []


def test_those_of_a_clock_that_was_put_back_since_go_first(tmp_path):
    ahead = [f"arpanet-2027010{day}T000000Z.db" for day in range(1, 4)]
    newest = "arpanet-20260101T000000Z.db"
    for name in (*ahead, newest):
        (tmp_path / name).touch()
    assert [one.name for one in superfluous(tmp_path, newest, 3)] == ahead[:1]
    assert newest not in [one.name for one in superfluous(tmp_path, newest, 1)]
