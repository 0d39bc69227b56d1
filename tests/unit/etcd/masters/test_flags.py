from dataclasses import replace

import pytest
from arpanet_etcd.masters import flags
from arpanet_etcd.masters.plan import Own

from arpanet.errors import RegistryError
from arpanet.records import Member

OWN = Own("h2", "10.0.0.2", 4001, 7001)


def member(number: int, *, learner: bool = False, name: str | None = None) -> Member:
    return Member(
        f"h{number}" if name is None else name,
        f"{number}{number}",
        (f"http://10.0.0.{number}:7001",),
        () if name == "" else (f"http://10.0.0.{number}:4001",),
        learner,
    )


class TestCommand:
    def test_boot(self):
        words = flags.initial({"h2": OWN.peer_url}, "t0")
        assert flags.command(OWN, (3, 6, 14), words) == [
            "etcd",
            "--name=h2",
            "--data-dir=/var/lib/etcd/data",
            "--listen-client-urls=http://10.0.0.2:4001,http://127.0.0.1:4001",
            "--advertise-client-urls=http://10.0.0.2:4001",
            "--listen-peer-urls=http://10.0.0.2:7001",
            "--initial-advertise-peer-urls=http://10.0.0.2:7001",
            "--auto-compaction-mode=periodic",
            "--auto-compaction-retention=1h",
            "--logger=zap",
            "--initial-cluster=h2=http://10.0.0.2:7001",
            "--initial-cluster-state=new",
            "--initial-cluster-token=t0",
        ]

    def test_with_tls_nobody_without_a_certificate_is_answered(self):
        words = flags.command(replace(OWN, tls=True), (3, 4, 23), [])
        assert "--listen-client-urls=https://10.0.0.2:4001,https://127.0.0.1:4001" in words
        assert "--listen-peer-urls=https://10.0.0.2:7001" in words
        assert not [word for word in words if "http://" in word]
        assert {"--client-cert-auth=true", "--peer-client-cert-auth=true"} <= set(words)
        assert "--peer-cert-allowed-hostname=master.arpanet" in words
        assert "--cert-file=/etc/arpanet/host/host.pem" in words

    @pytest.mark.parametrize(
        ("version", "flag"),
        [((3, 5, 30), "--experimental-peer-skip"), ((3, 6, 14), "--peer-skip")],
    )
    def test_etcd_knows_each_flag_of_tls(self, version, flag):
        assert flags.tls(version, "/x")[f"{flag}-client-san-verification"] == "true"

    def test_join_names_all_and_each_differently(self):
        members = [member(1), member(2, name="", learner=True), member(3, name="")]
        assert flags.existing(members, OWN) == [
            "--initial-cluster=h1=http://10.0.0.1:7001,h2=http://10.0.0.2:7001,"
            "pending-33=http://10.0.0.3:7001",
            "--initial-cluster-state=existing",
        ]

    def test_ipv6(self):
        assert Own("h", "fd00::1", 4001, 7001).peer_url == "http://[fd00::1]:7001"

    def test_v2(self):
        assert "--enable-v2=true" in flags.command(OWN, (3, 5, 30), [], v2=True)
        with pytest.raises(RegistryError, match=r"etcd 3\.6\.14 has no v2 API"):
            flags.command(OWN, (3, 6, 14), [], v2=True)

    def test_v2_discovery_never_falls_back_to_a_proxy(self):
        assert flags.discovery("http://d/t", (3, 4, 23)) == [
            "--discovery=http://d/t",
            "--discovery-fallback=exit",
        ]
        with pytest.raises(RegistryError, match=r"etcd 3\.7\.1 can't use"):
            flags.discovery("http://d/t", (3, 7, 1))

    def test_a_start_by_data_repeats_the_formation(self):
        words = flags.initial({"h2": OWN.peer_url}, "t0")
        assert flags.kept(flags.command(OWN, (3, 6, 14), words)) == words

    def test_a_start_by_data_never_begins_a_cluster(self):
        assert flags.kept([]) == ["--initial-cluster-state=existing"]


@pytest.mark.parametrize(
    ("old", "new", "fits"),
    [
        ((3, 5, 1), (3, 5, 30), True),
        ((3, 5, 30), (3, 5, 1), True),
        ((3, 4, 23), (3, 5, 30), True),
        ((3, 4, 23), (3, 6, 14), False),
        ((3, 6, 14), (3, 5, 30), False),
    ],
)
def test_upgrade_one_minor_version_at_a_time(old, new, fits):
    assert (flags.upgrade(old, new) == "") is fits


def test_version():
    assert flags.version("etcd Version: 3.4.23\nGit SHA: none\n") == (3, 4, 23)
    with pytest.raises(ValueError, match="not an etcd"):
        flags.version("bash: etcd: not found")


def test_which_etcd_forgets_to_ask_for_rights():
    faulty = [(3, 4, 23), (3, 5, 16), (3, 5, 29), (3, 6, 10), (3, 3, 99)]
    assert all(map(flags.rights_fault, faulty))
    mended = [(3, 4, 44), (3, 5, 30), (3, 6, 11), (3, 6, 14), (3, 7, 0), (4, 0, 0)]
    assert not any(map(flags.rights_fault, mended))


def test_the_learner_fault_of_3_5():
    assert [flags.learner_fault(v) for v in ((3, 4, 23), (3, 5, 16), (3, 5, 20), (3, 6, 1))] == [
        False,
        True,
        False,
        False,
    ]
