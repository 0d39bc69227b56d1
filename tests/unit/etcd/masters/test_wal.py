from arpanet_etcd.masters.wal import Identity, identity

# the first bytes that etcd 3.4.23 wrote for a member of one
HEAD = bytes.fromhex(
    "0400000000000084 0804100000000000"
    "1f00000000000081 080110e287cf9f081a1508d2eec1aacfdd8a8a0e109fd4e59dafffc0e19f0100"
    "0e00000000000082 08051 0f083d4b805 1a0408001000 0000".replace(" ", "")
)


def test_reads_the_numbers_of_member_and_cluster():
    assert identity(HEAD) == Identity(member="e142aecf5507752", cluster="9fc303faf3b96a1f")


def test_a_log_cut_short_tells_nothing():
    assert identity(HEAD[:40]) is None
    assert identity(b"") is None


def test_what_is_no_log_tells_nothing():
    assert identity(b"SQLite format 3\x00" * 8) is None
    assert identity(bytes(512)) is None
