"""The loads of HTTP front ends: as much as goes, made by wrk, and a fixed rate well below that, made by load/paced.c."""
import json
import subprocess

from . import machine, network as net
from .fronts import NAME
from .scenarios import Scenario

# what wrk tells at the end, in one line
REPORT = """
done = function(summary, latency)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  io.write(string.format('\\n{"done": %d, "seconds": %f, "p50": %d, "p99": %d, "failed": %d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), failed))
end
"""


# at a fixed rate a second has few requests: for a 99th percentile that says something, so many times as long
LONGER = 3


def _wrk(folder, scheme, port, closes):
    script = f"{folder}/report.lua"
    with open(script, "w") as file:
        file.write(REPORT)

    def load(front, seconds):
        words = ["wrk", "-t1", "-c50", f"-d{seconds}s", "-s", script, *(["-H", "Connection: close"] if closes else []), f"{scheme}://{NAME}:{port(front)}/"]
        done = subprocess.run(net.inside(net.CLIENT, *words), capture_output=True, text=True, timeout=seconds + 30)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if not lines:
            raise RuntimeError(f"wrk: {done.stdout} {done.stderr}")
        result = json.loads(lines[-1])
        if result["failed"] > result["done"] / 1000:
            raise RuntimeError(f"{result['failed']} of {result['done']} requests failed")
        return result["done"] / result["seconds"], result["done"], {key: result[key] for key in ("p50", "p99", "failed")}
    return load


def _paced(tool, scheme, port, per_second, connections):
    def load(front, seconds):
        words = [tool, scheme, net.PROXY_ADDRESS, str(port(front)), NAME, str(seconds * LONGER), str(per_second), str(connections)]
        done = subprocess.run(net.inside(net.CLIENT, *words), capture_output=True, text=True, timeout=seconds * LONGER + 30)
        result = json.loads(done.stdout)
        return result["perSecond"], result["ended"], {key: result[key] for key in ("p50", "p99", "failed")}
    return load


def all_scenarios(folder, paced=None):
    """paced: the tool, where it could be built."""
    def scenario(name, title, per, scheme, port, closes):
        return Scenario(name, title, "/s", f"s/{per // 1000}k", per, _wrk(folder, scheme, port, closes))

    def at_rate(name, title, per_second, scheme, port, connections):
        return Scenario(name, f"{per_second:,} {title}", "/s", "s/10k", 10_000, _paced(paced, scheme, port, per_second, connections))
    http, https, tls = (lambda front: front.http), (lambda front: front.https), (lambda front: front.tls)
    return [
        scenario("http", "HTTP requests on 50 connections", 100_000, "http", http, False),
        scenario("http-close", "HTTP, a connection for each request", 10_000, "http", http, True),
        scenario("https", "HTTPS requests on 50 connections", 100_000, "https", https, False),
        scenario("https-close", "HTTPS, a handshake for each request", 10_000, "https", https, True),
        scenario("tls", "requests on 50 connections through passed TLS", 100_000, "https", tls, False),
        scenario("tls-close", "connections through passed TLS", 10_000, "https", tls, True),
    ] + ([
        at_rate("http-pace", "HTTP requests/s on 50 connections", 4000, "http", http, 50),
        at_rate("http-close-pace", "HTTP requests/s, a connection each", 1000, "http", http, 0),
        at_rate("https-pace", "HTTPS requests/s on 50 connections", 4000, "https", https, 50),
        at_rate("https-close-pace", "HTTPS requests/s, a handshake each", 300, "https", https, 0),
        at_rate("tls-close-pace", "connections/s through passed TLS", 300, "https", tls, 0),
    ] if paced else [])


def memory_after_load(front):
    """Bytes of the whole process, after everything else was measured."""
    return machine.memory_of(front.processes())
