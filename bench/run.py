#!/usr/bin/env python3
"""The bench in one command, as root: sudo bench/run.py

Builds the relay and the load generators, sets up four network namespaces, runs every relay in turn through every
scenario, forwards and backwards, and writes RESULTS.md and chart.svg next to this file. See README.md.
"""
import argparse
import datetime
import json
import os
import platform
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from rig import fronts as fronts_, machine, network as net, programs, relays as relays_, report, requests as requests_, scenarios as scenarios_  # noqa: E402

QUOTA = " of a processor for each"
FRONTS = "HTTP and TLS"

# everything that the relays are judged by, in about ten minutes
BRIEF = {"scenarios": "bulk1,bulk8,connect,ask,pace", "quota_scenarios": "bulk1,bulk8,connect,ask", "relays": "haproxy,haproxy-splice,nginx,socket-proxyd,sentinel,kernel",
         "reps": 5, "seconds": 1, "patience": 5}


def measure(relays, scenarios, options, log):
    """scenario -> relay -> [run]. Interleaved: what changes on the machine meanwhile hits all alike."""
    runs = {scenario.name: {relay.name: [] for relay in relays} for scenario in scenarios}
    for scenario in scenarios:
        for repetition in range(options.reps):
            for relay in relays if repetition % 2 == 0 else relays[::-1]:
                if not relay.can(scenario):
                    continue
                try:
                    run = measure_once(relay, scenario, options)
                except (RuntimeError, ValueError, KeyError, subprocess.TimeoutExpired) as failure:
                    log(f"{scenario.name} {repetition + 1}/{options.reps} {relay.name}: left out, {failure}")
                    relay.restart()
                    continue
                log(f"{scenario.name} {repetition + 1}/{options.reps} {relay.name}: {run['rate']:.2f} {scenario.unit}, cpu {run['cpu']:.3f} {scenario.work_unit}, others {run['others']:.2f}")
                runs[scenario.name][relay.name].append(run)
                time.sleep(1.5 if scenario.name == "connect" else 0.2)
    return runs


def measure_once(relay, scenario, options):
    for attempt in range(options.tries):
        machine.wait_until_quiet(options.patience)
        run = scenario.measure(relay, options.seconds)
        if run["others"] < 0.1:
            break
    return run


def relay_session(tools, options, folder, log, quota=None):
    relays, missing = relays_.all_relays(tools["relay"], tools["go"])
    scenarios = [scenario for scenario in scenarios_.all_scenarios(tools["loadgen"]) if scenario.name in ((quota and options.quota_scenarios) or options.scenarios).split(",")]
    # iperf3 gives up now and then: started again
    backends = [["sh", "-c", f"while :; do iperf3 -s -p {net.BULK_PORT}; done"], [tools["loadgen"], "echo", "0.0.0.0", str(net.ECHO_PORT)]]

    def afterwards(relay):
        if quota or not options.memory:
            return None
        relay.restart()
        return scenarios_.memory_per_connection(relay, tools["loadgen"], options.memory)
    return session(relays, missing, scenarios, backends, afterwards, options, folder, log, quota)


def front_session(tools, options, folder, log):
    fronts, missing = fronts_.all_fronts(tools["sentinel"], tools["yarp"])
    scenarios = [scenario for scenario in requests_.all_scenarios(folder, tools["paced"]) if scenario.name in options.scenarios.split(",")]
    fronts_.certificate(folder)
    return session(fronts, missing, scenarios, [fronts_.backend(folder)], requests_.memory_after_load, options, folder, log)


def session(relays, missing, scenarios, backend_commands, afterwards, options, folder, log, quota=None):
    """One rig's worth: starts everything, measures, stops everything."""
    relays = [relay for relay in relays if not options.relays or relay.name in options.relays.split(",")]
    backends, caps, memory = [], [], {}
    if not scenarios:
        return relays, missing, [], {}, {}
    try:
        net.up()
        for words in backend_commands:
            backends.append(subprocess.Popen(net.inside(net.BACKEND, *words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        for number, relay in enumerate(relays):
            relay.start(folder, 20000 + number)
        time.sleep(2)
        for relay in relays:
            if not relay.is_alive():
                raise RuntimeError(f"{relay.name} did not start, see {folder}/{relay.name}.log")
            relay.wait_until_ready()
        for relay in relays:
            if relay.name in ("sentinel", "managed", "yarp"):  # compiled while it runs: measured once it is warm
                for scenario in scenarios:
                    if relay.can(scenario):
                        scenario.measure(relay, 5)
        if quota:
            for relay in relays:
                if relay.processes():
                    relay.cap = machine.Cap(relay.name, quota)
                    relay.cap.add(relay.processes())
                    caps.append(relay.cap)
        runs = measure(relays, scenarios, options, log)
        for relay in relays:
            if relay.processes() and (figure := afterwards(relay)):
                memory[relay.name] = figure
                log(f"memory {relay.name}: {figure}")
        return relays, missing, scenarios, runs, memory
    finally:
        for relay in relays:
            relay.stop()
        for backend in backends:
            for pid in relays_.descendants(backend.pid):
                try:
                    os.kill(pid, signal.SIGTERM)
                except ProcessLookupError:
                    pass
            backend.wait()
        for cap in caps:
            cap.remove()
        net.down()


def write(parts, options, took):
    groups, left_out = [], sorted({name for _, (_, missing, *_) in parts for name in missing})
    text = ["# Results", "", f"Measured on {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d} with `bench/run.py` on Linux {platform.release()}, "
            f"{os.cpu_count()} processors, in {took / 60:.0f} minutes: medians of {options.reps} interleaved runs of {options.seconds} s each, "
            f"{options.seconds * requests_.LONGER} s for HTTP at a fixed rate. "
            "Written by the bench; do not edit.", "", f"    {shlex.join(['bench/run.py', *sys.argv[1:]])}", "", "![chart](chart.svg)", ""]
    if left_out:
        text += [f"Not on this machine and left out: {', '.join(left_out)}.", ""]
    for title, (relays, _, scenarios, runs, memory) in parts:
        text += [f"## {title}", "", f"Other programs used {report.others(runs):.2f} processors meanwhile"
                 + (": too much for rates to mean anything; compare the processor time." if report.others(runs) > 0.1 else "."), ""]
        figures = report.medians(runs)
        for scenario in scenarios:
            text += [f"### {scenario.title[0].upper() + scenario.title[1:]}", "", report.table(scenario, relays, figures[scenario.name]), ""]
            base = figures[scenario.name].get(report.BASE, {}).get("rate")
            if base and not scenario.name.endswith("pace"):  # those have one rate
                groups.append((scenario.title + (", ¼ core" if title.endswith(QUOTA) else ""), {name: figure["rate"] / base for name, figure in figures[scenario.name].items()}))
        if memory and title == FRONTS:
            text += ["### Memory after load", "", "| front end | MB |", "| --- | ---: |"]
            text += [f"| {relay.label} | {memory[relay.name] / 1e6:.0f} |" for relay in relays if relay.name in memory] + [""]
        elif memory:
            text += [f"### Memory of idle connections", "", "| relay | connections | bytes each | whole process, MB |", "| --- | ---: | ---: | ---: |"]
            text += [f"| {relay.label} | {m['established']:,} | {m['bytes']:,.0f} | {m['before'] / 1e6:.1f} → {m['after'] / 1e6:.1f} |"
                     for relay in relays if (m := memory.get(relay.name))] + [""]
    if os.path.exists(f"{HERE}/SOAK.md"):
        text += ["An hour under load: [SOAK.md](SOAK.md), and of HTTP: [SOAK-HTTP.md](SOAK-HTTP.md).", ""]
    relays = max((part[0] for _, part in parts), key=len)
    with open(f"{HERE}/RESULTS.md", "w") as file:
        file.write("\n".join(text).rstrip() + "\n")
    with open(f"{HERE}/chart.svg", "w") as file:
        file.write(report.chart(groups, relays))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenarios", default="bulk1,bulk8,bulk8r,connect,ask,pace,http,http-close,https,https-close,tls,tls-close,http-pace,http-close-pace,https-pace,https-close-pace,tls-close-pace")
    parser.add_argument("--quota-scenarios", help="for the second part; the same unless given")
    parser.add_argument("--brief", action="store_true", help="short runs of the relays that matter: about ten minutes for all of RESULTS.md but the front ends")
    parser.add_argument("--relays", help="names, as in the chart; all that are there unless given")
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--quota", type=float, default=0.25, help="share of a processor for the second part; 0 leaves it out")
    parser.add_argument("--only-quota", action="store_true", help="leaves out the first part")
    parser.add_argument("--memory", type=int, default=9000, help="idle connections for the memory figures; 0 leaves them out")
    parser.add_argument("--patience", type=float, default=60, help="seconds to wait for a quiet machine before each run")
    parser.add_argument("--tries", type=int, default=3, help="runs at most, when others use the processors during one")
    parser.add_argument("--dry", action="store_true", help="prints tables and writes no files")
    parser.add_argument("--keep", metavar="FILE", help="also writes every single run, as JSON")
    options = parser.parse_args()
    if options.brief:
        vars(options).update(BRIEF)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(1))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    log = lambda line: print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)
    start, parts = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="sentinel-bench-") as folder:
        tools = programs.build(folder)
        sessions = [] if options.only_quota else [("Relays", lambda: relay_session(tools, options, folder, log))]
        if options.quota:
            sessions.append((f"Relays, {options.quota:g}{QUOTA}", lambda: relay_session(tools, options, folder, log, options.quota)))
        if not options.only_quota:
            sessions.append((FRONTS, lambda: front_session(tools, options, folder, log)))
        for title, run in sessions:
            log(title)
            part = run()
            if part[2]:
                parts.append((title, part))
    if options.keep:
        with open(options.keep, "w") as file:
            json.dump({title: part[3] for title, part in parts}, file)
    if options.dry:
        for title, (relays, _, scenarios, runs, memory) in parts:
            print(f"## {title}")
            figures = report.medians(runs)
            for scenario in scenarios:
                print(f"\n### {scenario.title}\n{report.table(scenario, relays, figures[scenario.name])}")
    else:
        write(parts, options, time.monotonic() - start)


main()
