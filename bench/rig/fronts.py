"""HTTP front ends that are compared: each listens for http, https and passed-through tls, with the same key and certificate."""
import json
import os
import shutil
import subprocess
import time

from . import network as net
from .programs import BENCH
from .relays import Relay

# what the backend offers
BACKEND_HTTP, BACKEND_HTTPS = 8080, 8443
NAME = "bench.test"

NGINX = ("daemon off; pid {folder}/{name}.pid; error_log {folder}/{name}.err crit; worker_rlimit_nofile 20000;\n"
         "events {{ worker_connections 9000; multi_accept on; }}\n")
TEMPORARY = "".join(f" {kind}_temp_path {{folder}}/{{name}}-{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))


def certificate(folder):
    """A key and a certificate for NAME, of the kind that the sentinel makes for itself."""
    key, chain = f"{folder}/key.pem", f"{folder}/chain.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", chain,
                    "-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"], check=True, capture_output=True)
    with open(f"{folder}/both.pem", "w") as both:
        for part in (chain, key):
            with open(part) as source:
                both.write(source.read())


def backend(folder):
    """nginx that answers every request with a line, on both ports."""
    file = f"{folder}/backend.conf"
    with open(file, "w") as target:
        target.write(NGINX.format(folder=folder, name="backend") + "worker_processes 1; http { access_log off; keepalive_requests 1000000000; keepalive_timeout 600;\n"
                     + TEMPORARY.format(folder=folder, name="backend") + "\n types {} default_type text/plain;\n"
                     f" ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/key.pem;\n"
                     f" server {{ listen {BACKEND_HTTP} backlog=8192; listen {BACKEND_HTTPS} ssl backlog=8192;\n  location / {{ return 200 \"hello from the backend\\n\"; }} }} }}\n")
    return ["nginx", "-c", file]


class Front(Relay):
    """One front end on three ports of its own."""

    def __init__(self, name, label, commands, configuration, environment=None):
        super().__init__(name, label, commands, configuration)
        self.environment = environment or {}
        self.http = self.https = self.tls = 0

    def start(self, folder, first_port):
        self.http, self.https, self.tls = first_port, first_port + 100, first_port + 200
        super().start(folder, first_port)

    def wait_until_ready(self):
        """Until it reaches the backend: the sentinel sends nothing to one that it has not found healthy."""
        for _ in range(100):
            words = ["curl", "-sf", "-o", "/dev/null", f"http://{NAME}:{self.http}/"]
            if subprocess.run(net.inside(net.CLIENT, *words)).returncode == 0:
                return
            time.sleep(0.1)
        raise RuntimeError(f"{self.name} does not serve")

    def _configure(self, folder, pairs):
        return self._configuration(folder, self)


class Yarp(Front):
    """YARP as it comes: the same runtime, the same HTTP, nothing tuned. It routes no TLS by name."""

    def __init__(self, program):
        super().__init__("yarp", "YARP, untuned", self._command, None)
        self._program = program

    def can(self, scenario):
        return not scenario.name.startswith("tls")

    def _command(self, file, _):
        folder = os.path.dirname(file)
        return [[self._program, net.PROXY_ADDRESS, str(self.http), str(self.https), f"http://{net.BACKEND_ADDRESS}:{BACKEND_HTTP}",
                 f"{folder}/chain.pem", f"{folder}/key.pem"]]


def environment_of_unit():
    """What the daemon has around it where its package started it."""
    with open(f"{BENCH}/../packaging/systemd/sentinel.service") as unit:
        return dict(word.split("=", 1) for line in unit if line.startswith("Environment=") for word in line.strip().removeprefix("Environment=").split())


def _haproxy(folder, front):
    return "\n".join([
        "global", " nbthread 2", " maxconn 9000", " ssl-default-bind-options ssl-min-ver TLSv1.2",
        "defaults", " mode http", " maxconn 9000", " timeout connect 5s", " timeout client 10m", " timeout server 10m", " option forwardfor",
        "frontend http", f" bind {net.PROXY_ADDRESS}:{front.http} backlog 8192", " default_backend web",
        "frontend https", f" bind {net.PROXY_ADDRESS}:{front.https} backlog 8192 ssl crt {folder}/both.pem alpn h2,http/1.1", " default_backend web",
        "backend web", f" server backend {net.BACKEND_ADDRESS}:{BACKEND_HTTP}",
        "frontend tls", " mode tcp", f" bind {net.PROXY_ADDRESS}:{front.tls} backlog 8192", " tcp-request inspect-delay 5s",
        " tcp-request content accept if { req.ssl_hello_type 1 }", f" use_backend named if {{ req.ssl_sni -i {NAME} }}", " default_backend named",
        "backend named", " mode tcp", f" server backend {net.BACKEND_ADDRESS}:{BACKEND_HTTPS}", ""])


def _nginx(folder, front):
    proxy = "proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header Host $host;"
    return (f"load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n{NGINX.format(folder=folder, name='nginx')}worker_processes 2;\n"
            f"http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 600;\n{TEMPORARY.format(folder=folder, name='nginx')}\n"
            f" upstream web {{ server {net.BACKEND_ADDRESS}:{BACKEND_HTTP}; keepalive 64; keepalive_requests 1000000000; }}\n"
            f" ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/key.pem; ssl_protocols TLSv1.2 TLSv1.3;\n"
            f" server {{ listen {net.PROXY_ADDRESS}:{front.http} backlog=8192 reuseport; location / {{ {proxy} }} }}\n"
            f" server {{ listen {net.PROXY_ADDRESS}:{front.https} ssl http2 backlog=8192 reuseport; location / {{ {proxy} }} }} }}\n"
            "stream { tcp_nodelay on; map $ssl_preread_server_name $named { default named; }\n"
            f" upstream named {{ server {net.BACKEND_ADDRESS}:{BACKEND_HTTPS}; }}\n"
            f" server {{ listen {net.PROXY_ADDRESS}:{front.tls} backlog=8192 reuseport; ssl_preread on; proxy_pass $named; proxy_timeout 10m; }} }}\n")


def _sentinel(folder, front):
    def listener(port, protocol, target):
        return {"bind": [f"{net.PROXY_ADDRESS}:{port}"], "protocol": protocol, "pool": "web", "port": target, "maxConnections": 4000}
    return json.dumps({
        "name": "bench", "stateDirectory": f"{folder}/state", "admin": {"bind": "127.0.0.1:8888"}, "telemetry": {"logLevel": "warning"},
        "backends": {"web": {"address": net.BACKEND_ADDRESS, "health": {"kind": "tcp", "port": BACKEND_HTTP, "interval": "5s"}}},
        "pools": {"web": {"backends": ["web"]}},
        "listeners": {"http": listener(front.http, "http", BACKEND_HTTP), "https": listener(front.https, "https", BACKEND_HTTP),
                      "tls": listener(front.tls, "tls", BACKEND_HTTPS)}})


def all_fronts(sentinel, yarp):
    """In the order of the report; and those whose program is missing."""
    candidates = [
        (shutil.which("haproxy"), Front("haproxy", "HAProxy", lambda file, _: [["haproxy", "-db", "-f", file]], _haproxy)),
        (os.path.exists("/usr/lib/nginx/modules/ngx_stream_module.so"), Front("nginx", "nginx", lambda file, _: [["nginx", "-c", file]], _nginx)),
        (sentinel, Front("sentinel", "Sentinel", lambda file, _: [[sentinel, "run", "--config", file]], _sentinel, environment_of_unit())),
        (yarp, Yarp(yarp)),
    ]
    return [front for there, front in candidates if there], [front.label for there, front in candidates if not there]
