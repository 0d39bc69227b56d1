"""What bash makes of ``arpanet complete``."""

import subprocess

import pytest

#: As bash-completion has it, for words without special characters.
COMPLETION = """
_get_comp_words_by_ref() { words=("${COMP_WORDS[@]}"); cur=${words[$COMP_CWORD]}; }
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_arpanet
echo "${COMPREPLY[@]}"
"""


@pytest.fixture
def completed(arpanet, tmp_path):
    """Return what bash would make of the last word of a command line."""
    done = arpanet("complete")
    assert (done.code, done.err) == (0, "")
    (tmp_path / "script").write_text(done.out)

    def ask(*words):
        argv = ["bash", "-c", COMPLETION, "bash", tmp_path / "script", *words]
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout

    return ask


def test_commands_and_their_parts(completed):
    assert completed("arpanet", "sl") == "slave\n"
    assert completed("arpanet", "slave", "") == "start stop\n"
    assert completed("arpanet", "master", "sta") == "start status\n"


def test_options(completed):
    assert "--peers" in completed("arpanet", "master", "start", "--").split()
    assert completed("arpanet", "services", "--wa") == "--watch\n"


def test_what_is_not_for_people_is_not_offered(completed):
    words = completed("arpanet", "").split()
    assert "links" in words
    assert not [word for word in words if "_" in word]
    assert not {"agent", "clear"} & {*words}
