#!/usr/bin/env python3
"""How soon those who waited are served: bench/hold.py [--rounds 20] [--clients 200]

A backend on loopback goes away, clients connect and wait, it comes back. Measured from the sentinel's own word that the
backend serves again (`since` in /status) to the moment at which the backend accepts each client. Needs the .NET SDK, no root.
"""
import argparse
import datetime
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
FRONT, BACK = "127.83.0.1", "127.83.0.2"


class Backend:
    """Accepts, notes when, and says hello at once, so that a connection of the health check is told from a client's."""

    def __init__(self, port):
        self.port, self.times = port, []

    def up(self):
        self.times = []
        self._listener = socket.create_server((BACK, self.port), backlog=1024, reuse_port=True)
        self._thread = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._thread.start()

    def _accept(self, listener):
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer, time.time()), daemon=True).start()

    def _serve(self, peer, at):
        with peer:
            peer.settimeout(20)
            try:
                if peer.recv(1) == b"x":  # a client speaks first, a check does not
                    self.times.append(at)
                    peer.sendall(b"y")
                    peer.recv(1)
            except OSError:
                pass

    def down(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def free_port(address):
    with socket.create_server((address, 0)) as probe:
        return probe.getsockname()[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--release", type=int, default=200, help="holdRelease, connections a second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sentinel-hold-") as folder:
        subprocess.run(["dotnet", "publish", f"{HERE}/../src/Sentinel.Service", "-c", "Release", "-p:PublishAot=true", "-o", f"{folder}/sentinel", "-v", "q", "--nologo"],
                       check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        backend, front, admin = Backend(free_port(BACK)), free_port(FRONT), free_port("127.0.0.1")
        configuration = {
            "name": "bench", "stateDirectory": f"{folder}/state", "admin": {"bind": f"127.0.0.1:{admin}"},
            "backends": {"vm": {"address": BACK, "health": {"kind": "tcp", "port": backend.port, "interval": "1s"}}},
            "pools": {"vm": {"backends": ["vm"]}},
            "listeners": {"in": {"bind": [f"{FRONT}:{front}"], "protocol": "tcp", "pool": "vm", "port": backend.port, "hold": "60s",
                                 "holdRelease": options.release, "maxConnectionsPerClient": 0, "maxConnections": 2000}}}
        with open(f"{folder}/sentinel.json", "w") as file:
            json.dump(configuration, file)
        backend.up()
        daemon = subprocess.Popen([f"{folder}/sentinel/sentinel", "run", "--config", f"{folder}/sentinel.json"], stdout=subprocess.DEVNULL)
        try:
            until(admin, True)
            first, all_, spread = [], [], []
            for round_ in range(options.rounds):
                backend.down()
                until(admin, False)
                clients = []
                for _ in range(options.clients):
                    client = socket.create_connection((FRONT, front))
                    client.sendall(b"x")
                    clients.append(client)
                backend.up()
                served = until(admin, True)
                for client in clients:
                    client.settimeout(30)
                    assert client.recv(1) == b"y"
                waits = sorted(at - served for at in backend.times)
                first.append(waits[0] * 1000)
                spread.append(waits[-1] - waits[0])
                all_ += [max(0, wait - number / options.release) * 1000 for number, wait in enumerate(waits)]
                for client in clients:
                    client.close()
                print(f"{round_ + 1}/{options.rounds}: first after {first[-1]:.1f} ms, {len(waits)} served within {spread[-1]:.2f} s", file=sys.stderr)
            print(f"{options.rounds} rounds of {options.clients} waiting clients, {options.release} let through a second:")
            print(f"first client after the backend serves: median {statistics.median(first):.1f} ms, worst {max(first):.1f} ms")
            print(f"each client after its turn in the wave: median {statistics.median(all_):.1f} ms, worst {max(all_):.1f} ms")
            print(f"the wave: median {statistics.median(spread):.2f} s")
        finally:
            daemon.terminate()
            daemon.wait(20)


def until(admin, serves):
    """When the backend came to serve, or ceased to: the sentinel's own time."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{admin}/status") as status:
                backend = json.load(status)["backends"][0]
        except OSError:
            backend = {"state": "starting", "healthy": None}
        if backend["healthy"] == serves and (not serves or backend["state"] == "serving"):
            return datetime.datetime.fromisoformat(re.sub("Z$", "+00:00", backend["since"])).timestamp()
        time.sleep(0.02)
    raise SystemExit(f"the backend is {backend['state']}")


main()
