#!/usr/bin/env python3
"""What recovery costs beyond the cloud's own time: bench/recovery.py [--rounds 50]

The real daemon, published, against the fake Compute Engine with VMs that listen, all on loopback. Ours is what passes
from the VM being off (its lastStopTimestamp) to the start being asked of the API (the operation's insertTime), and from
the VM answering on its own address to the first byte through a listener. The cloud's stop, its start and the guest's boot lie
between and are not counted. Then API calls, processor and memory of a daemon that watches a fleet. Needs the .NET SDK, no root.
Prints, and writes RECOVERY.md.
"""
import argparse
import concurrent.futures
import datetime
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
FRONT, NETWORK, ZONE, VMS = "127.83.1.1", "127.83.2", "us-central1-a", 2
# A VM that is lost more than five times a minute is not started at once: the bench does just that, so its first pause is short.
SOURCES = {  # how the sentinel hears: the two other ways are slowed until they cannot be first
    "notice": ({"watchInterval": "60s"}, {"interval": "1s", "unhealthyAfter": 100}),
    "operations poll": ({"watchInterval": "1s"}, {"interval": "1s", "unhealthyAfter": 100}),
    "health checks": ({"watchInterval": "60s"}, {"interval": "1s"}),
}


def free_port(address="127.0.0.1"):
    with socket.create_server((address, 0)) as probe:
        return probe.getsockname()[1]


def get(url, data=None, token=None):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
        return answer.read().decode()


def moment(text):
    return datetime.datetime.fromisoformat(re.sub("Z$", "+00:00", text)).timestamp()


def first_byte(address, port, wait):
    """When the first byte of an answer came; None if there was none."""
    try:
        with socket.create_connection((address, port), timeout=wait) as client:
            client.settimeout(wait)
            client.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
            answer, at = client.recv(12), time.time()
            return at if answer.startswith((b"HTTP/1.1 200", b"GET / HTTP/1")) else None  # a web server's, or an echo
    except OSError:
        return None


def until(address, port, wait=1):
    """Asks again and again until there is an answer."""
    end = time.time() + 90
    while time.time() < end:
        if at := first_byte(address, port, wait):
            return at
        time.sleep(0.005)
    raise SystemExit(f"{address}:{port} never answered")


class Stage:
    """A fake cloud and a daemon."""

    def __init__(self, folder, programs, vms, cloud, backends, listeners, silent=False):
        self.port, self.admin, self.folder = free_port(), free_port(), tempfile.mkdtemp(dir=folder)
        self.fake = subprocess.Popen(["dotnet", f"{programs}/testing/Sentinel.Testing.dll", "fake-gce", "--port", str(self.port), "--network", NETWORK, "--quick"]
                                     + ["--silent"] * silent + vms, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for line in self.fake.stdout:
            if line.startswith("commands"):
                break
        configuration = {
            "name": "bench", "stateDirectory": f"{self.folder}/state", "admin": {"bind": f"127.0.0.1:{self.admin}"},
            "clouds": {"gce": {"project": "test-project", "endpoint": f"http://127.0.0.1:{self.port}", "credentials": "none"} | cloud},
            "backends": backends, "pools": {name: {"backends": [name]} for name in backends}, "listeners": listeners}
        with open(f"{self.folder}/sentinel.json", "w") as file:
            json.dump(configuration, file)
        self.daemon = subprocess.Popen([f"{programs}/sentinel/sentinel", "run", "--config", f"{self.folder}/sentinel.json"], stdout=subprocess.DEVNULL)

    def tell(self, command):
        self.fake.stdin.write(command + "\n")
        self.fake.stdin.flush()

    def api(self, path):
        return json.loads(get(f"http://127.0.0.1:{self.port}/compute/v1/projects/test-project/zones/{ZONE}/{path}"))

    def serving(self, names):
        end = time.time() + 120
        while time.time() < end:
            try:
                states = {each["name"]: each["state"] for each in json.loads(get(f"http://127.0.0.1:{self.admin}/status"))["backends"]}
                if all(states[name] == "serving" for name in names):
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise SystemExit("not every backend serves")

    def close(self):
        self.daemon.terminate()
        self.tell("quit")  # its VMs end with it
        for program in (self.daemon, self.fake):
            try:
                program.wait(20)
            except subprocess.TimeoutExpired:
                program.kill()


def recover(stage, number, source, token):
    vm, address = f"vm-{number}", f"{NETWORK}.{64 + number}"
    before = stage.api(f"instances/{vm}")
    if source == "notice":
        get(f"http://127.0.0.1:{stage.admin}/v1/preemption-notice", json.dumps(
            {"instance": f"gce/{ZONE}/{vm}", "at": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}).encode(), token)
    stage.tell(f"preempt {vm}")

    # The cloud's word, not a look at the VM: on a busy machine it is off and on again between two looks.
    end = time.time() + 30
    while stage.api(f"instances/{vm}").get("lastStopTimestamp") == before.get("lastStopTimestamp"):
        if time.time() > end:
            raise SystemExit(f"{vm} was not preempted")
        time.sleep(0.01)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        through = {kind: pool.submit(until, FRONT, port + number, 60) for kind, port in (("http", 18000), ("tcp", 17000))}
        alive = max(job.result() for job in [pool.submit(until, address, port) for port in (8080, 7000)])
        first = {kind: job.result() for kind, job in through.items()}
    instance = stage.api(f"instances/{vm}")
    starts = [each for each in stage.api("operations?maxResults=500")["items"] if each["operationType"] == "start" and each["targetLink"].endswith("/" + vm)]
    asked = max(moment(each["insertTime"]) for each in starts) - moment(instance["lastStopTimestamp"])
    assert asked > -0.01 and instance["lastStartTimestamp"] != before.get("lastStartTimestamp")
    stage.serving([vm])
    return asked, {kind: asked + max(0, at - alive) for kind, at in first.items()}


def overhead(folder, programs, source, rounds):
    cloud, health = SOURCES[source]
    names = [f"vm-{number}" for number in range(VMS)]
    backends = {name: {"instance": f"gce/{ZONE}/{name}", "health": {"kind": "http", "port": 8080} | health,
                       "recovery": {"flap": {"count": 10000}, "backoff": {"initial": "10ms"}}} for name in names}
    listeners = {f"{kind}-{number}": {"bind": [f"{FRONT}:{front + number}"], "protocol": kind, "pool": name, "port": port, "hold": "60s"}
                 for number, name in enumerate(names) for kind, front, port in (("http", 18000, 8080), ("tcp", 17000, 7000))}
    stage = Stage(folder, programs, names, {"requestsPerMinute": 6000} | cloud, backends, listeners)
    try:
        stage.serving(names)
        with open(f"{stage.folder}/state/admin.token") as file:
            token = file.read().strip()
        with concurrent.futures.ThreadPoolExecutor(VMS) as pool:
            jobs = [pool.submit(lambda number: [recover(stage, number, source, token) for _ in range(rounds // VMS)], number) for number in range(VMS)]
            results = [each for job in jobs for each in job.result()]
    finally:
        stage.close()
    yield source, "stop to start asked", [asked for asked, _ in results]
    for kind in ("tcp", "http"):
        yield source, f"all of ours, `{kind}`", [first[kind] for _, first in results]


def calls(admin):
    return sum(float(line.rsplit(" ", 1)[1]) for line in get(f"http://127.0.0.1:{admin}/metrics").splitlines() if line.startswith("sentinel_cloud_requests_total"))


def used(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status") as file:
        memory = int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) // 1024
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), memory


def fleet(folder, programs, count, seconds):
    """VMs in three zones, at the default intervals; one socket that accepts stands for the guests of all."""
    with socket.create_server(("0.0.0.0", 0), backlog=4096) as guests, concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(accept, guests)
        names = [(f"us-central1-{'abc'[number % 3]}", f"vm-{number}") for number in range(count)]
        backends = {name: {"instance": f"gce/{zone}/{name}", "address": f"127.84.{number // 250}.{number % 250 + 1}",
                           "health": {"kind": "tcp", "port": guests.getsockname()[1]}} for number, (zone, name) in enumerate(names)}
        listeners = {"in": {"bind": [f"{FRONT}:18999"], "protocol": "tcp", "pool": "vm-0", "port": 7000}}
        stage = Stage(folder, programs, [f"{zone}/{name}" for zone, name in names], {}, backends, listeners, silent=True)
        try:
            stage.serving([name for _, name in names])
            time.sleep(5)
            before, (cpu, _), at = calls(stage.admin), used(stage.daemon.pid), time.monotonic()
            time.sleep(seconds)
            asked, (after, memory), took = calls(stage.admin) - before, used(stage.daemon.pid), time.monotonic() - at
            return asked * 60 / took, (after - cpu) / took * 100, memory
        finally:
            stage.close()
            guests.shutdown(socket.SHUT_RDWR)


def accept(guests):
    try:
        while True:
            guests.accept()[0].close()
    except OSError:
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=60, help="how long each fleet is watched")
    parser.add_argument("--programs", help="where `sentinel` and `testing` are published already")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sentinel-recovery-") as folder:
        programs = options.programs or folder
        if not options.programs:
            for verb, project, into in (("publish", "src/Sentinel.Service", "sentinel"), ("build", "tests/Sentinel.Testing", "testing")):
                subprocess.run(["dotnet", verb, f"{HERE}/../{project}", "-c", "Release", "-o", f"{folder}/{into}", "-v", "q", "--nologo"],
                               check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        lines = ["# Recovery: what is ours", "", f"`bench/recovery.py --rounds {options.rounds} --seconds {options.seconds}`, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start: other programs",
                 f"ran on the machine, {VMS} VMs recover at a time, and the fake cloud, the guests and the clients share its processors with the daemon.", "",
                 "| heard of by | what | median | worst | of |", "| --- | --- | --- | --- | --- |"]
        print("\n".join(lines), flush=True)

        def tell(line):
            lines.append(line)
            print(line, flush=True)
            with open(f"{HERE}/RECOVERY.md", "w") as file:
                file.write("\n".join(lines) + "\n")

        for source in SOURCES:
            for name, what, all_ in overhead(folder, programs, source, options.rounds):
                tell(f"| {name} | {what} | {statistics.median(all_):.2f} s | {max(all_):.2f} s | {len(all_)} |")
        tell("\n| VMs in 3 zones, nothing happening | API calls a minute | processor | memory |\n| --- | --- | --- | --- |")
        for count in (1, 100, 5000):
            rate, cpu, memory = fleet(folder, programs, count, options.seconds)
            tell(f"| {count} | {rate:.0f} | {cpu:.1f} % of one | {memory} MiB |")


if __name__ == "__main__":
    main()
