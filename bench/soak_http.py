#!/usr/bin/env python3
"""An hour of HTTP at a low, steady rate: does memory stay flat, does every request get its answer?

    sudo bench/soak_http.py --sentinel DIRECTORY [--minutes 60] [--rate 400]

Everything runs on loopback in a network namespace of its own: nginx as the backend, the daemon with an http and an https
listener, h2load as clients of HTTP/1.1, HTTP/1.1 over TLS and HTTP/2, a third of the rate each. Prints a line a minute, and writes SOAK-HTTP.md.
"""
import argparse
import collections
import datetime
import os
import platform
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from rig import fronts, machine, network as net, relays  # noqa: E402

CONNECTIONS = 10


def enter_namespace():
    """Runs this script again inside a namespace, with the addresses of the rig on its loopback."""
    if os.environ.get("SOAK_INSIDE"):
        for words in (["link", "set", "lo", "up"], *(["address", "add", f"{address}/32", "dev", "lo"] for address in (net.PROXY_ADDRESS, net.BACKEND_ADDRESS))):
            subprocess.run(["ip", *words], check=True)
        return
    os.execvpe("unshare", ["unshare", "--net", sys.executable, os.path.abspath(__file__), *sys.argv[1:]], {**os.environ, "SOAK_INSIDE": "1"})


def client(url, rate, minutes, *more):
    words = ["h2load", "-c", str(CONNECTIONS), "-m", "1", "-D", str(minutes * 60), f"--rps={rate / CONNECTIONS:g}", *more, url]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentinel", required=True, help="where the daemon was published to")
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--rate", type=int, default=400, help="requests a second, of all clients")
    options = parser.parse_args()
    enter_namespace()
    with tempfile.TemporaryDirectory(prefix="sentinel-soak-") as folder:
        fronts.certificate(folder)
        front = next(front for front in fronts.all_fronts(f"{os.path.abspath(options.sentinel)}/sentinel", None)[0] if front.name == "sentinel")
        front.http, front.https, front.tls = 20000, 20100, 20200
        file = f"{folder}/sentinel.json"
        with open(file, "w") as target:
            target.write(front._configure(folder, []))
        backend = subprocess.Popen(fronts.backend(folder))
        daemon = subprocess.Popen([f"{options.sentinel}/sentinel", "run", "--config", file], stdout=subprocess.DEVNULL, env={**os.environ, **front.environment})
        clients = []
        try:
            soak(front, daemon, clients, options)
        finally:
            for process in [*clients, daemon, backend]:
                process.terminate()
                process.wait()


def soak(front, daemon, clients, options):
    http, https = f"http://{net.PROXY_ADDRESS}:{front.http}/", f"https://{net.PROXY_ADDRESS}:{front.https}/"
    while subprocess.run(["curl", "-sf", "-o", "/dev/null", http]).returncode:
        time.sleep(0.5)
    for url, more in ((http, ["--h1"]), (https, ["--h1"]), (https, [])):
        clients.append(client(url, options.rate / 3, options.minutes, *more))
    samples = []
    for minute in range(options.minutes + 1):
        pids = relays.descendants(daemon.pid)
        samples.append((machine.memory_of(pids) / 1e6, machine.used_by(pids), len(os.listdir(f"/proc/{daemon.pid}/fd"))))
        print("{:3} min  {:6.1f} MB  {:8.1f} s of processor time  {} descriptors".format(minute, *samples[-1]), flush=True)
        if minute < options.minutes:
            time.sleep(60)
    ends = collections.Counter()
    for process in clients:
        requests = re.search(r"^requests:.*", process.communicate()[0], re.MULTILINE).group()
        print(requests)
        ends.update({end: int(count) for count, end in re.findall(r"(\d+) (done|succeeded|failed|errored|timeout)", requests)})
    with open(f"{HERE}/SOAK-HTTP.md", "w") as target:
        target.write(report(options, samples, ends))


def report(options, samples, ends):
    settled = [memory for memory, _, _ in samples[10:] or samples]
    shown = sorted({0, 1, 10, *range(0, len(samples), 15), len(samples) - 1} & set(range(len(samples))))
    return "\n".join([
        "# HTTP for an hour", "",
        f"Measured on {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d} with `bench/soak_http.py --minutes {options.minutes} --rate {options.rate}` on Linux {platform.release()}: "
        f"a third each of HTTP/1.1, HTTP/1.1 over TLS and HTTP/2. Written by the bench; do not edit.", "",
        "| minute | memory, MB | processor time, s | descriptors |", "| ---: | ---: | ---: | ---: |",
        *("| {} | {:.1f} | {:.1f} | {} |".format(minute, *samples[minute]) for minute in shown), "",
        f"From the tenth minute on: {min(settled):.1f} – {max(settled):.1f} MB. Of {ends['done']:,} requests {ends['succeeded']:,} were answered as they should be; "
        f"{ends['failed']:,} failed, {ends['errored']:,} of them by an error, {ends['timeout']:,} by taking too long.", ""])


if __name__ == "__main__":
    main()
