"""Programs that tests have hosts run, as text: ``python3 -c`` and these."""

__all__ = ["DIAL", "ECHO", "SCAN", "WATCH"]

#: Dials all TCP ports of a host, and prints those that take the connection; then asks all UDP ports
#: what a server of names would answer, and prints, below zero, those that answer anything.
SCAN = """
import select, socket, sys
for port in range(1, 65536):
    with socket.socket() as one:
        one.settimeout(5)
        if one.connect_ex((sys.argv[1], port)) == 0:
            print(port)
question = bytes.fromhex("0001 0100 0001 0000 0000 0000 00 0002 0001")
with socket.socket(type=socket.SOCK_DGRAM) as one:
    for port in range(1, 65536):
        one.sendto(question, (sys.argv[1], port))
    while select.select([one], [], [], 1)[0]:
        print(-one.recvfrom(512)[1][1])
"""

#: Says back what comes by UDP.
ECHO = """
import socket, sys
with socket.socket(type=socket.SOCK_DGRAM) as one:
    one.bind((sys.argv[1], 5353))
    print("here", flush=True)
    while True:
        one.sendto(*one.recvfrom(512))
"""

#: Watches the registry at one master with what a host has on its disk; ends when that does.
WATCH = """
import base64, http.client, json, pathlib, ssl, sys
place = pathlib.Path(sys.argv[3])
tls = ssl.create_default_context(cafile=place / "ca.pem")
tls.load_cert_chain(place / "host.pem", place / "host.key")
one = http.client.HTTPSConnection(sys.argv[1], 4001, context=tls)
say = {"name": sys.argv[2], "password": (place / "password").read_text().strip()}
one.request("POST", "/v3/auth/authenticate", json.dumps(say))
head = {"Authorization": json.loads(one.getresponse().read())["token"]}
key = base64.b64encode(b"/arpanet/hosts/host1").decode()
one.request("POST", "/v3/watch", json.dumps({"create_request": {"key": key}}), head)
answer = one.getresponse()
while line := answer.readline():
    print(line.decode(), end="", flush=True)
"""

#: Dials a link every 50 ms until its input ends; says how often, and what failed.
DIAL = """
import json, select, socket, sys
dials, failed = 0, []
while not select.select([sys.stdin], [], [], 0.05)[0]:
    dials += 1
    try:
        with socket.create_connection(("127.0.0.1", 6379), timeout=5) as one:
            one.sendall(b"PING\\r\\n")
            assert one.recv(16).startswith(b"+PONG")
    except (OSError, AssertionError) as problem:
        failed.append(repr(problem))
print(json.dumps([dials, failed]))
"""
