"""Clients on a real host, and what they and the host say."""

from tests.conftest import wait_for
from tests.lab import looks
from tests.lab.cluster import rows, run

NAME = "arpanet_backends"
AGENT = f"{NAME}_agent"
LEGACY = f"--link {NAME}:redis -e BACKEND_6379=redis"
LABEL = "--label connect.6379=redis"
#: Answers each question for an address.
RESOLVER = """
import socket
from dns import message, rrset

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("", 53))
while True:
    asked, source = server.recvfrom(512)
    answer = message.make_response(message.from_wire(asked))
    answer.answer.append(rrset.from_text(answer.question[0].name, 9, "IN", "A", "10.9.8.7"))
    server.sendto(answer.to_wire(), source)
"""


def client(host, options, name="client"):
    run(
        host, f"docker run -d --label client --name {name} {options} redis redis-server --port 7000"
    )


def inside(host, *words, name="client"):
    """A command in the client's namespaces: Docker's exec refuses one whose link is down."""
    return ["nsenter", "-t", str(looks.pid_of(host, name)), "-m", "-n", *words]


def asked(host, dial="localhost", port=6379, name="client"):
    """What the redis at the other end of a link says; the client's own words when none does."""
    words = ("redis-cli", "-h", dial, "-p", str(port), "get", "where")
    done = host.run(["timeout", "5", *inside(host, *words, name=name)], check=False)
    return done.stdout.strip() or done.stderr.strip()


def reaches(host, *args, **more):
    said = []
    wait_for(lambda: said.append(asked(host, *args, **more)) or said[-1] == "host1", every=0.1)


def links(host, name="client"):
    return [row for row in rows(host, "links") if row["client"] == name]


def targets(host, name="client"):
    """Where a client's links lead, asked without starting the command."""
    mine = [link for link in looks.links(host) if link.client == name]
    return {(one.ip, one.port) for link in mine for one in link.targets}


def linked(host, name="client"):
    return any(link.client == name for link in looks.links(host))


def traces(host, name="client"):
    """What planes have left in the client, and in the host."""
    tables = run(host, f"nsenter -t {looks.pid_of(host, name)} -n nft list tables")
    return tables + run(host, "find /sys/fs/bpf -name 'link_*'")


def linked_client_lives(host, dial="redis"):
    """Docker starts and enters it, and its link works."""
    run(host, "docker restart -t 0 client")
    assert run(host, "docker exec client redis-cli -p 7000 ping") == "PONG"
    reaches(host, dial)


def hosts_file(host, options):
    """What the file has when the first instruction runs: name -> address."""
    text = run(host, f"docker run --rm --label client {options} busybox cat /etc/hosts")
    return {name: line.split()[0] for line in text.splitlines() for name in line.split()[1:]}
