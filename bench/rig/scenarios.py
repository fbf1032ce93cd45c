"""What is measured. Each scenario runs one load through one relay and gives a rate, latencies, and the relay's processor time."""
import json
import os
import subprocess
import time

from . import machine, network as net


class Scenario:
    def __init__(self, name, title, unit, work_unit, work_per, load):
        self.name, self.title, self.unit, self.work_unit, self.work_per, self._load = name, title, unit, work_unit, work_per, load

    def measure(self, relay, seconds):
        """One run; a dictionary with rate, cpu (seconds per unit of work) and perhaps p50/p99 in microseconds."""
        pids = relay.processes()
        others, before, start = machine.used_by_others(), machine.used_by(pids), time.monotonic()
        rate, work, more = self._load(relay, seconds)
        took = time.monotonic() - start
        pids = sorted(set(pids) | set(relay.processes()))
        return {"rate": rate, "cpu": (machine.used_by(pids) - before) / (work / self.work_per) if work else 0,
                "others": (machine.used_by_others() - others) / took, **more}


def _client(words, seconds, sources=None):
    environment = {**os.environ, **({"SOURCES": sources} if sources else {})}
    done = subprocess.run(net.inside(net.CLIENT, *words), capture_output=True, text=True, timeout=seconds + 30, env=environment)
    return done.stdout


def _bulk(streams, reverse):
    def load(relay, seconds):
        words = ["iperf3", "-c", relay.address, "-p", str(relay.bulk_port), "-t", str(seconds), "-P", str(streams), "-J", *(["-R"] if reverse else [])]
        for _ in range(10):
            result = json.loads(_client(words, seconds))
            if "error" not in result:
                moved = result["end"]["sum_received"]
                return moved["bytes"] * 8 / moved["seconds"] / 1e9, moved["bytes"], {}
            time.sleep(0.5)  # iperf3 serves one test at a time and may still be at the last
        raise RuntimeError(result["error"])
    return load


def _loadgen(path, mode, parallel, *more, spread=False):
    def load(relay, seconds):
        first, last = net.SOURCES
        subnet = relay.address.rpartition(".")[0]
        result = json.loads(_client(
            [path, mode, relay.address, str(relay.echo_port), str(seconds), str(parallel), "100", *more], seconds,
            sources=f"{subnet}:{first}:{last}" if spread else None))
        return result["perSecond"], result["done"], {key: result[key] for key in ("p50", "p99", "p999", "failed")}
    return load


def all_scenarios(loadgen):
    return [
        Scenario("bulk1", "one stream", "Gbit/s", "s/GB", 1e9, _bulk(1, False)),
        Scenario("bulk8", "eight streams", "Gbit/s", "s/GB", 1e9, _bulk(8, False)),
        Scenario("bulk8r", "eight streams, backend to client", "Gbit/s", "s/GB", 1e9, _bulk(8, True)),
        Scenario("connect", "connections", "/s", "s/10k", 1e4, _loadgen(loadgen, "connect", 64, spread=True)),
        Scenario("ask", "requests on 50 connections", "/s", "s/100k", 1e5, _loadgen(loadgen, "ask", 50)),
        Scenario("pace", "10,000 requests/s on 50 connections", "/s", "s/100k", 1e5, _loadgen(loadgen, "pace", 50, "10000")),
    ]


def memory_per_connection(relay, loadgen, count):
    """Bytes of user memory that an idle connection costs, over count of them; and how many there were."""
    first, last = net.SOURCES
    _loadgen(loadgen, "connect", 8, spread=True)(relay, 2)  # what is compiled or allocated once is not a connection's
    time.sleep(1)
    before = machine.memory_of(relay.processes())
    client = subprocess.Popen(
        net.inside(net.CLIENT, loadgen, "idle", relay.address, str(relay.echo_port), "3600", str(count)), stdout=subprocess.PIPE, text=True,
        env={**os.environ, "SOURCES": f"{relay.address.rpartition('.')[0]}:{first}:{last}"})
    try:
        established = json.loads(client.stdout.readline())["established"]
        time.sleep(2)
        after = machine.memory_of(relay.processes())
    finally:
        client.terminate()
        client.wait()
    time.sleep(2)
    return {"bytes": (after - before) / max(1, established), "established": established, "before": before, "after": after}
