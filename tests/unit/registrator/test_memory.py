import pytest
from arpanet_registrator import memory
from arpanet_registrator.checks import Check, Judge

RUNS = {"c0": "run 1", "c1": "run 1"}


def test_what_was_found_is_read_again_for_the_same_run(tmp_path):
    check = Check("/", 2.0, "172.17.0.2:80", "run 1")
    ill, well, new = Judge(0.0, "unhealthy", [7.5, 9.0]), Judge(1.0, "healthy"), Judge(2.0)
    path = tmp_path / "kept"
    judges = {("c0", 80): (check, ill), ("c0", 81): (check, new), ("c1", 80): (check, well)}
    path.write_text(memory.written(judges))
    found = memory.read(path, RUNS)
    assert found == {("c0", 80): ill, ("c1", 80): Judge(0.0, "healthy")}
    assert set(memory.read(path, {"c1": "run 1", "c0": "run 2"})) == {("c1", 80)}


def test_one_that_fell_often_has_as_much_to_prove_as_before(tmp_path):
    path = tmp_path / "kept"
    ill = Judge(0.0, "unhealthy", [1.0, 2.0, 3.0])
    path.write_text(memory.written({("c0", 80): (Check("/", 2.0, run="run 1"), ill)}))
    again = memory.read(path, RUNS)["c0", 80]
    assert [again.hear(True, 4.0 + n) for n in range(4)] == [False, False, False, True]


@pytest.mark.parametrize(
    "text", ["", "[", "7", "[7]", '[["c0", 80, "run 1", "fine", []]]', '[["c0", 80, "run 1"]]']
)
def test_what_makes_no_sense_is_nothing_and_told(tmp_path, caplog, text):
    path = tmp_path / "kept"
    path.write_text(text)
    assert memory.read(path, RUNS) == {}
    assert "what checks found before can't be read" in caplog.text
    assert memory.read(tmp_path / "none", RUNS) == {}
