import pytest

from arpanet import replacing


def test_a_file_is_replaced_once_the_new_one_is_whole(tmp_path):
    path = tmp_path / "kept"
    path.write_text("old")
    with replacing(path) as file:
        file.write(b"ne")
        assert path.read_text() == "old"
        file.write(b"w")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [*tmp_path.iterdir()] == [path]


def test_what_fails_leaves_the_old_one_and_nothing_else(tmp_path):
    path = tmp_path / "kept"
    path.write_text("old")
    with pytest.raises(ValueError, match="half"), replacing(path) as file:
        file.write(b"ha")
        raise ValueError("half")
    assert path.read_text() == "old"
    assert [*tmp_path.iterdir()] == [path]


def test_where_there_is_no_directory_it_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "nowhere" / "kept"):
        pytest.fail("there is nothing to write to")


def test_a_directory_in_its_place_stays(tmp_path):
    path = tmp_path / "kept"
    path.mkdir()
    with pytest.raises(IsADirectoryError), replacing(path) as file:
        file.write(b"new")
    assert [*tmp_path.iterdir()] == [path]
