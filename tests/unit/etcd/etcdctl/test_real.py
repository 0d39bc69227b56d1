from pathlib import Path

import pytest
from arpanet_etcd.etcdctl.real import with_file


@pytest.mark.parametrize(
    ("words", "then", "directory"),
    [
        ("snapshot save x.db", "snapshot save /here/x.db", "/here"),
        ("snapshot save ../x.db", "snapshot save /here/../x.db", "/here/.."),
        ("snapshot status /tmp/x.db", "snapshot status /tmp/x.db", "/tmp"),
        ("snapshot", "snapshot", ""),
        ("get snap", "get snap", ""),
    ],
)
def test_with_file(words, then, directory):
    assert with_file(words.split(), Path("/here")) == (then.split(), directory)
