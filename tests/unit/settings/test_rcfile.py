"""~/.arpanetrc: the same values that a shell would see, and a refusal of all else."""

import os
import random
import re
import subprocess
from pathlib import Path

import pytest

from arpanet.errors import SettingsError
from arpanet.settings import rcfile
from tests.support.stand_in import stand_in

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
    ("A=0\nexport A=1 C=$A B\nD=$A", {"A": "1", "C": "0", "D": "1"}),
    ("A=1 \\\n  C=2\nexport \\\n D=3", {"A": "1", "C": "2", "D": "3"}),
    ("A\\\nA=$\\\nB$\\\n{B}", {"AA": "beebee"}),
    ("A='b\\\nc'  # x\\\nC=d", {"A": "b\\\nc", "C": "d"}),
    ('A=a\\\\\nC="\\\\\n"', {"A": "a\\", "C": "\\\n"}),
    ("A=\"$'b'$\"", {"A": "$'b'$"}),
    ("A=a~b:c=~d", {"A": "a~b:c=~d"}),
    ("A=b\r\n", {"A": "b\r"}),
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
    done = subprocess.run(["bash", "-c", script], env=ENVIRONMENT, capture_output=True)
    assert done.stdout.decode().split("\0")[:-1] == list(expected.values())


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
        ("\nA=a:~/x", 2, "$HOME"),
        ("A=${NONE:-~/x}", 1, "$HOME"),
        ("A=$'b'", 1, "$'"),
        ('A=$"b"', 1, '$"'),
        ("A=$[1+1]", 1, "$["),
        ("A=1 export C=2", 1, "'export C=2'"),
        ("export", 1, "'export'"),
        ("export -n A", 1, "'-n A'"),
        ("A=1;;B=2", 1, "';B=2'"),
        (";A=1", 1, "';A=1'"),
        ("A=$UID", 1, "UID is the shell's own"),
        ("UID=5", 1, "UID is the shell's own"),
        ("A=$OSTYPE", 1, "a shell would make it up"),
        ("A=b\\", 1, "ends with a backslash"),
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


#: What generated files are made of: each piece alone is something that people write.
PIECES = [
    "A=",
    "B=",
    "C=",
    "D=",
    "export ",
    "export\t",
    "a",
    "b:",
    "=",
    "~",
    "/x",
    "1",
    "#",
    "!",
    ",",
]
PIECES += [
    " ",
    "  ",
    "\t",
    "\n",
    "\n",
    ";",
    "\\\n",
    "\\",
    "'",
    '"',
    "'a b'",
    '"a b"',
    "\\ ",
    "*",
    "%",
]
PIECES += [
    "$A",
    "$B",
    "${A}",
    "${C:-d e}",
    "${C-}",
    "${D:-$B}",
    "${A:-",
    "}",
    "{",
    "{a,b}",
    "[",
    "]",
]
PIECES += [
    "$",
    "$$",
    "$'",
    '$"',
    "$(",
    "`",
    "|",
    "&",
    "(",
    ")",
    "+=",
    "$HOSTNAME",
    "$UID",
    "\r",
    "é",
]
SHOW = 'for n in A B C D; do [ -z "${!n+x}" ] || printf "%s=%s\\0" $n "${!n}"; done'


def bash_says(path, environment):
    """Return what a bash that sources *path* has in A to D afterwards, and what it complains of."""
    run = subprocess.run(
        ["/bin/bash", "-c", f'. "{path}"; {SHOW}'],
        env=environment,
        capture_output=True,
        cwd=path.parent,
    )
    shown = run.stdout.decode().split("\0")[:-1]
    return dict(one.split("=", 1) for one in shown), run.stderr.decode()


def test_generated_files_are_what_bash_makes_of_them_or_refused(tmp_path):
    """Never silently different: 600 files, three lines each, that hang together more or less."""
    rng = random.Random(20)  # noqa: S311
    environment = {"HOME": "/root", "PATH": "/nowhere", "B": "bee", "LC_ALL": "C.UTF-8"}
    path, understood = tmp_path / "rc", 0
    for _ in range(600):
        lines = []
        for _ in range(3):
            head = rng.choice(["A=", "export B=", "C=", "export A=1 D=", "A=1 \\\n C=", ""])
            lines.append(head + "".join(rng.choices(PIECES, k=rng.randint(0, 5))))
        text = "\n".join(lines)
        try:
            found = {n: one.value for n, one in rcfile.parse(text, environment, "rc").items()}
        except SettingsError as problem:
            assert re.match(r"rc:\d+: ", problem.message), text
            continue
        understood += 1
        path.write_bytes(text.encode())
        said, complaint = bash_says(path, environment)
        seen = {name: value for name, value in found.items() if name in "ABCD"}
        assert (said, complaint) == ({"B": "bee", **seen}, ""), repr(text)
    assert understood > 60


def test_lines():
    text = "\n# x\nexport A=b C=d\nE='f\ng'\nH=i"
    found = rcfile.parse(text, {}, "rc")
    assert {name: one.line for name, one in found.items()} == {"A": 3, "C": 3, "E": 4, "H": 6}


@pytest.mark.parametrize(("owner", "reader", "fine"), [(0, 7, 1), (7, 7, 1), (7, 0, 0), (7, 8, 0)])
def test_a_file_of_somebody_else_is_refused(monkeypatch, owner, reader, fine):
    stand_in(monkeypatch, rcfile, "os", geteuid=lambda: reader)
    found = os.stat_result((0o100600, *[0] * 3, owner, *[0] * 5))
    if fine:
        rcfile.check_owner(Path("rc"), found)
    else:
        with pytest.raises(SettingsError, match=r"rc belongs to .*, who is neither root nor you"):
            rcfile.check_owner(Path("rc"), found)


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
