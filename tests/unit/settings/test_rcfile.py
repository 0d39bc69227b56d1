"""~/.arpanetrc: the same values that a shell would see, and a refusal of all else."""

import subprocess

import pytest

from arpanet.errors import SettingsError
from arpanet.settings import rcfile

ENVIRONMENT = {"HOME": "/root", "EMPTY": "", "B": "bee"}

UNDERSTOOD = [
    ("", {}),
    ("# nothing\n\n  \n", {}),
    ("A=b", {"A": "b"}),
    ("export A=b\n  export\tC=d # why\n", {"A": "b", "C": "d"}),
    ("A=b C=d; E=f;G=h", {"A": "b", "C": "d", "E": "f", "G": "h"}),
    ("A=1\nA=2", {"A": "2"}),
    ("A=\nC= #x", {"A": "", "C": ""}),
    ("A=b#c", {"A": "b#c"}),
    ("A='a b$HOME`x`\"'", {"A": 'a b$HOME`x`"'}),
    ('A="a \'b\' \\"c\\" \\$d \\\\ \\x"', {"A": "a 'b' \"c\" $d \\ \\x"}),
    ("A=a\\ b\\'", {"A": "a b'"}),
    ("A=a\\\nb", {"A": "ab"}),
    ('A="a\nb"', {"A": "a\nb"}),
    ("A=x'y'\"z\"", {"A": "xyz"}),
    ('A=$B ; C=${B}s ; D="$B $A"', {"A": "bee", "C": "bees", "D": "bee bee"}),
    ("A=$NONE.$EMPTY.", {"A": ".."}),
    ("A=${NONE:-d}${EMPTY:-e}${EMPTY-f}${B:-g}", {"A": "debee"}),
    ("A=${NONE:-$B}:4001,${NONE:-${EMPTY:-x y}}", {"A": "bee:4001,x y"}),
    ("B=$B,c\nA=$B", {"B": "bee,c", "A": "bee,c"}),
    ("A=a$ C=d", {"A": "a$", "C": "d"}),
    ("export B", {}),
    ("A=10.0.0.1:4001,[fd00::1]:4001", {"A": "10.0.0.1:4001,[fd00::1]:4001"}),
]


@pytest.mark.parametrize(("text", "expected"), UNDERSTOOD)
def test_understood(text, expected):
    parsed = rcfile.parse(text, ENVIRONMENT, "rc")
    assert {name: one.value for name, one in parsed.items()} == expected


@pytest.mark.parametrize(("text", "expected"), [c for c in UNDERSTOOD if c[1]])
def test_a_shell_agrees(text, expected, tmp_path):
    path = tmp_path / "rc"
    path.write_text(text)
    script = f'. "{path}"; for n in {" ".join(expected)}; do printf "%s\\0" "${{!n}}"; done'
    done = subprocess.run(["bash", "-c", script], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.stdout.split("\0")[:-1] == list(expected.values())


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("A=b\nif true; then", 2, "'if"),
        ("A=$(id)", 1, "'$('"),
        ("A=`id`", 1, "'`'"),
        ('A="`id`"', 1, "'`'"),
        ("A=${B%x}", 1, "'${'"),
        ("A=${NONE:-`id`}", 1, "${"),
        ("A=${NONE:-'x'}", 1, "${"),
        ("A=${NONE:-x", 1, "${"),
        ("A=pa$$word", 1, "'$$'"),
        ("A=$1", 1, "'$1'"),
        ("A=~/x", 1, "$HOME"),
        ("A=b|c", 1, "'|'"),
        ("A=b & C=d", 1, "'&"),
        ("A=(a b)", 1, "'('"),
        ("A+=b", 1, "'A+=b'"),
        ("A = b", 1, "'A = b'"),
        ("1A=b", 1, "'1A=b'"),
        ("\n\nA='b\nC=d", 3, "never closed"),
        ('A="b', 1, "never closed"),
        (". /etc/profile", 1, "'. /etc"),
        ("set -a", 1, "'set -a'"),
    ],
)
def test_refused_with_file_and_line(text, line, word):
    with pytest.raises(SettingsError) as caught:
        rcfile.parse(text, ENVIRONMENT, "rc")
    assert caught.value.message.startswith(f"rc:{line}: ")
    assert word in caught.value.message


def test_lines():
    text = "\n# x\nexport A=b C=d\nE='f\ng'\nH=i"
    found = rcfile.parse(text, {}, "rc")
    assert {name: one.line for name, one in found.items()} == {"A": 3, "C": 3, "E": 4, "H": 6}


def test_read(tmp_path):
    path = tmp_path / ".arpanetrc"
    assert rcfile.read(path, {}) == {}
    path.write_text("A=b")
    path.chmod(0o600)
    assert rcfile.read(path, {})["A"].value == "b"
    for mode in (0o620, 0o602):
        path.chmod(mode)
        with pytest.raises(SettingsError, match=f"written by others .mode {mode:04o}.*chmod go-w"):
            rcfile.read(path, {})
    path.chmod(0o600)
    path.write_bytes(b"A=\xff")
    with pytest.raises(SettingsError, match="cannot be read"):
        rcfile.read(path, {})
    path.unlink()
    path.mkdir(0o700)
    with pytest.raises(SettingsError, match="cannot be read"):
        rcfile.read(path, {})
