import pytest
from arpanet_etcd.masters.flags import Version
from arpanet_etcd.upkeep import restoring
from arpanet_etcd.upkeep.origin import Origin, fingerprints
from arpanet_etcd.upkeep.snapshot import Contents

from arpanet.errors import ArpanetError

SECURE = Origin("c2", ("c1",), ("ca1", "ca2"))
PLAIN = Origin("c2", ("c1",))
RUNS: Version = (3, 5, 30)


def test_a_note_says_what_it_was_told():
    assert Origin.parse(SECURE.text()) == SECURE


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cluster":1}', "\x00"])
def test_no_note(text):
    with pytest.raises(ValueError, match=r"no note|Expecting"):
        Origin.parse(text)


@pytest.mark.parametrize(
    ("origin", "cluster", "ca", "strange"),
    [
        (SECURE, "c9", ["ca2", "ca3"], ""),
        (SECURE, "c2", ["ca3"], "its hosts know each other by another CA"),
        (SECURE, "", [], "its hosts know each other by another CA"),
        (PLAIN, "", [], ""),
        (PLAIN, "c1", [], ""),
        (PLAIN, "c9", [], "it is of cluster c2, and this host of c9"),
    ],
)
def test_who_is_a_stranger(origin, cluster, ca, strange):
    assert origin.stranger(cluster, ca) == strange


@pytest.mark.parametrize(
    ("contents", "ca", "force", "said"),
    [
        (Contents((3, 5), SECURE), ["ca1"], False, ""),
        (Contents((3, 4), SECURE), ["ca1"], False, ""),
        (Contents(None, PLAIN), [], False, ""),
        (Contents((3, 6), SECURE), ["ca1"], True, "can't read the data of etcd 3.6.0"),
        (Contents((3, 3), SECURE), ["ca1"], True, "can't be upgraded to 3.5.30 in one step"),
        (Contents((3, 5), None), ["ca1"], False, "does not say which cluster it is of"),
        (Contents((3, 5), None), ["ca1"], True, ""),
        (Contents((3, 5), Origin("c9")), [], False, "--force takes it all the same"),
        (Contents((3, 5), Origin("c9")), [], True, ""),
        (Contents((3, 5), SECURE), ["ca9"], True, "restore it on a master of that one"),
    ],
)
def test_what_is_refused(contents, ca, force, said):
    try:
        restoring.refuse("old.db", contents, RUNS, "c2", ca, force)
    except ArpanetError as problem:
        assert said, str(problem)
        assert "old.db" in str(problem)
        assert said in str(problem)
    else:
        assert said == ""


def test_each_certificate_of_a_file_has_its_fingerprint(tmp_path):
    file = tmp_path / "ca.pem"
    assert fingerprints(file) == ()
    one = "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n"
    file.write_text(one + one.replace("YQ==", "Yg=="))
    # sha256 of "a" and of "b"
    begins = [found[:8] for found in fingerprints(file)]
    assert begins == ["ca978112", "3e23e816"]
