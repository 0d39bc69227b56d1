"""/proc/net tables: golden lines, and this very host's."""

import socket
from pathlib import Path

import pytest
from arpanet_registrator.listeners import listening

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    tables = {
        "tcp": ["0100007F:1F90", "0100000A:1F91", "0200000A:1F92", "00000000:1F93"],
        "tcp6": ["0" * 32 + ":1F94", "0000000000000000FFFF00000100000A:1F95"],
    }
    for name, sockets in tables.items():
        lines = [f"   0: {local} 00000000:0000 0A 0:0 0 0" for local in sockets]
        lines.append("   9: 00000000:1FFF 0100000A:0050 01 0:0 0 0")
        (tmp_path / name).write_text(HEAD + "\n".join(lines) + "\n")
    (tmp_path / "udp").write_text(HEAD + "   0: 00000000:0035 00000000:0000 07 0:0 0 0\n")
    return tmp_path


def test_only_listeners_that_other_hosts_reach(proc: Path) -> None:
    check = listening("10.0.0.1", proc)
    # loopback and another address no; own, wildcard, IPv6 wildcard and mapped yes; connected no
    reached = [port for port in range(0x1F90, 0x2000) if check(port, "tcp")]
    assert reached == [0x1F91, 0x1F93, 0x1F94, 0x1F95]
    assert check(53, "udp") and not check(53, "tcp")


def test_this_kernel_prints_what_is_parsed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listening("127.0.0.1")(port, "tcp")
        assert not listening("192.0.2.1")(port, "tcp")
