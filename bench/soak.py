#!/usr/bin/env python3
"""Whether the relay is as fast after an hour as at its start, as root: sudo bench/soak.py [--minutes 60] [--share 0.1]

In every minute Sentinel and HAProxy, each held to a share of a processor, have half a minute of the same work: requests on
50 connections, short connections, one bulk stream. A minute's ratio is Sentinel by HAProxy, so that what else happens on
the machine hits both. 500 idle connections stay open all the while. Writes SOAK.md, and runs beside bench/run.py.
"""
import argparse
import datetime
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ["SENTINEL_BENCH_PREFIX"] = "soak"
sys.path.insert(0, HERE)
from rig import machine, network as net, programs, relays as relays_, scenarios as scenarios_  # noqa: E402

IDLE = 500
WINDOW = 10  # minutes that are compared at both ends


def descriptors(pids):
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)


def state(relay):
    return {"memory": machine.memory_of(relay.processes()), "descriptors": descriptors(relay.processes())}


def hold_idle(relay, loadgen, count):
    client = subprocess.Popen(net.inside(net.CLIENT, loadgen, "idle", relay.address, str(relay.echo_port), "100000", str(count)), stdout=subprocess.PIPE, text=True)
    if json.loads(client.stdout.readline())["established"] != count:
        raise RuntimeError(f"{relay.name} did not take {count} connections")
    return client


def minute_of(relays, scenarios, seconds):
    """scenario -> relay -> rate."""
    rates = {scenario.name: {} for scenario in scenarios}
    for relay in relays:
        for scenario in scenarios:
            run = scenario.measure(relay, seconds)
            if run.get("failed"):
                raise RuntimeError(f"{relay.name}: {run['failed']} of {scenario.title} failed")
            rates[scenario.name][relay.name] = run["rate"]
    return rates


def table(scenarios, minutes):
    window = min(WINDOW, len(minutes) // 2)
    lines = [f"| | first {window} minutes | last {window} minutes | × HAProxy, first | × HAProxy, last | last by first |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for scenario in scenarios:
        ends = [statistics.median(minute[scenario.name]["sentinel"] for minute in part) for part in (minutes[:window], minutes[-window:])]
        ratios = [statistics.median(minute[scenario.name]["sentinel"] / minute[scenario.name]["haproxy"] for minute in part)
                  for part in (minutes[:window], minutes[-window:])]
        lines.append(f"| {scenario.title} | {ends[0]:,.2f} {scenario.unit} | {ends[1]:,.2f} {scenario.unit} | {ratios[0]:.2f} | {ratios[1]:.2f} | {ratios[1] / ratios[0]:.2f} |")
    return lines


def write(options, scenarios, relays, minutes, before, after):
    lines = ["# An hour under load", "", f"Measured on {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d} with `bench/soak.py` on Linux {platform.release()}: "
             f"{len(minutes)} minutes, {options.share:g} of a processor for each relay; medians of the minutes' figures. `last by first` compares the ratios to HAProxy. "
             "Written by the bench; do not edit.", "", *table(scenarios, minutes), "",
             f"With {IDLE} idle connections, before and after:", "", "| relay | memory, MB | descriptors |", "| --- | ---: | ---: |"]
    for relay in relays:
        first, last = before[relay.name], after[relay.name]
        lines.append(f"| {relay.label} | {first['memory'] / 1e6:.1f} → {last['memory'] / 1e6:.1f} | {first['descriptors']} → {last['descriptors']} |")
    return "\n".join(lines) + "\n"


def soak(options, folder, log):
    tools = programs.build(folder)
    relays = [relay for relay in relays_.all_relays(tools["relay"], None)[0] if relay.name in ("sentinel", "haproxy")]
    scenarios = [scenario for scenario in scenarios_.all_scenarios(tools["loadgen"]) if scenario.name in ("ask", "connect", "bulk1")]
    seconds, started, minutes = 60 // (len(relays) * len(scenarios)) - 1, [], []
    try:
        net.up()
        for words in (["sh", "-c", f"while :; do iperf3 -s -p {net.BULK_PORT}; done"], [tools["loadgen"], "echo", "0.0.0.0", str(net.ECHO_PORT)]):
            started.append(subprocess.Popen(net.inside(net.BACKEND, *words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        for number, relay in enumerate(relays):
            relay.start(folder, 20000 + number)
        time.sleep(2)
        minute_of(relays, scenarios, 2)  # compiled while it runs
        for relay in relays:
            started.append(hold_idle(relay, tools["loadgen"], IDLE))
            relay.cap = machine.Cap(relay.name, options.share)
            relay.cap.add(relay.processes())
        before = {relay.name: state(relay) for relay in relays}
        end = time.monotonic() + options.minutes * 60
        while time.monotonic() < end:
            begun = time.monotonic()
            try:
                minutes.append(minute_of(relays if len(minutes) % 2 == 0 else relays[::-1], scenarios, seconds))
                log(" ".join([f"minute {len(minutes)}:"] + [f"{name} {rates['sentinel'] / rates['haproxy']:.2f}" for name, rates in minutes[-1].items()]))
            except (RuntimeError, subprocess.TimeoutExpired) as failure:
                log(f"a minute is left out: {failure}")
            time.sleep(max(0, begun + 60 - time.monotonic()))
        after = {relay.name: state(relay) for relay in relays}
        return write(options, scenarios, relays, minutes, before, after)
    finally:
        for relay in relays:
            relay.stop()
        for process in started:
            for pid in relays_.descendants(process.pid):
                try:
                    os.kill(pid, signal.SIGTERM)
                except ProcessLookupError:
                    pass
            process.wait()
        for relay in relays:
            if relay.cap:
                relay.cap.remove()
        net.down()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--share", type=float, default=0.1, help="of a processor, for each relay")
    parser.add_argument("--dry", action="store_true", help="prints the tables and writes no file")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="sentinel-soak-") as folder:
        text = soak(options, folder, lambda line: print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True))
    if options.dry:
        print(text)
    else:
        with open(f"{HERE}/SOAK.md", "w") as file:
            file.write(text)


main()
