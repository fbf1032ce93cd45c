"""The loads of HTTP front ends, made by wrk."""
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


def all_scenarios(folder):
    def scenario(name, title, per, scheme, port, closes):
        return Scenario(name, title, "/s", f"s/{per // 1000}k", per, _wrk(folder, scheme, port, closes))
    http, https, tls = (lambda front: front.http), (lambda front: front.https), (lambda front: front.tls)
    return [
        scenario("http", "HTTP requests on 50 connections", 100_000, "http", http, False),
        scenario("http-close", "HTTP, a connection for each request", 10_000, "http", http, True),
        scenario("https", "HTTPS requests on 50 connections", 100_000, "https", https, False),
        scenario("https-close", "HTTPS, a handshake for each request", 10_000, "https", https, True),
        scenario("tls", "requests on 50 connections through passed TLS", 100_000, "https", tls, False),
        scenario("tls-close", "connections through passed TLS", 10_000, "https", tls, True),
    ]


def memory_after_load(front):
    """Bytes of the whole process, after everything else was measured."""
    return machine.memory_of(front.processes())
