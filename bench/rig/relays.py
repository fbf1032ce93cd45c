"""What is compared: how each relay is started so that it carries LISTEN ports to the backend's bulk and echo ports."""
import os
import shutil
import signal
import subprocess
import time

from . import network as net

SOCKET_PROXYD = "/lib/systemd/systemd-socket-proxyd"


class Relay:
    """One relay that runs for the whole bench and is idle while others are measured."""

    def __init__(self, name, label, commands, configuration=None):
        self.name, self.label, self._commands, self._configuration = name, label, commands, configuration
        self.address, self.bulk_port, self.echo_port = net.PROXY_ADDRESS, 0, 0
        self.cap = None  # set once it is warm
        self.environment = {"DOTNET_TieredPGO": "0", "DOTNET_gcServer": "0"}
        self._started = []

    def start(self, folder, bulk_port):
        self._folder, self.bulk_port, self.echo_port = folder, bulk_port, bulk_port + 1000
        pairs = [(self.bulk_port, net.BULK_PORT), (self.echo_port, net.ECHO_PORT)]
        file = os.path.join(folder, f"{self.name}.conf")
        if self._configuration:
            with open(file, "w") as target:
                target.write(self._configure(folder, pairs))
        log = open(os.path.join(folder, f"{self.name}.log"), "a")
        for command in self._commands(file, pairs):
            self._started.append(subprocess.Popen(
                net.inside(net.PROXY, *command), stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **self.environment}, start_new_session=True))

    def wait_until_ready(self):
        pass

    def can(self, scenario):
        """Whether it knows what that measures."""
        return True

    def _configure(self, folder, pairs):
        return self._configuration(folder, pairs)

    def processes(self):
        return [pid for process in self._started for pid in descendants(process.pid)]

    def is_alive(self):
        return all(process.poll() is None for process in self._started)

    def restart(self):
        self.stop()
        self.start(self._folder, self.bulk_port)
        time.sleep(1.5)
        if self.cap:
            self.cap.add(self.processes())

    def stop(self):
        for process in self._started:
            if process.poll() is None:
                for pid in descendants(process.pid):
                    try:
                        os.kill(pid, signal.SIGTERM)
                    except ProcessLookupError:
                        pass
        deadline = time.monotonic() + 3
        for process in self._started:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                for pid in descendants(process.pid):
                    os.kill(pid, signal.SIGKILL)
                process.wait()
        self._started = []


class Kernel(Relay):
    """DNAT: no process, and no relay in user space comes near it."""

    def __init__(self):
        super().__init__("kernel", "kernel DNAT (the limit)", lambda *_: [])
        self.address, self.bulk_port, self.echo_port = net.KERNEL_ADDRESS, net.KERNEL_BULK_PORT, net.KERNEL_ECHO_PORT

    def start(self, folder, bulk_port):
        pass

    def restart(self):
        pass


def descendants(pid):
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children") as children:
                    found += [int(child) for child in children.read().split()]
        except OSError:
            pass
    return found


def _pairs(pairs):
    return [f"{net.PROXY_ADDRESS}:{listen}={net.BACKEND_ADDRESS}:{target}" for listen, target in pairs]


def _haproxy(threads, options):
    def configuration(_, pairs):
        lines = ["global", f" nbthread {threads}", " maxconn 9400", " maxpipes 200", "defaults", " mode tcp", " maxconn 9400",
                 " timeout connect 5s", " timeout client 3h", " timeout server 3h", *(f" option {option}" for option in options)]
        for listen, target in pairs:
            lines += [f"listen relay-{listen}", f" bind {net.PROXY_ADDRESS}:{listen} backlog 8192", f" server backend {net.BACKEND_ADDRESS}:{target}"]
        return "\n".join(lines) + "\n"
    return configuration


def _nginx(folder, pairs):
    servers = "\n".join(
        f" server {{ listen {net.PROXY_ADDRESS}:{listen} backlog=8192 reuseport; proxy_pass {net.BACKEND_ADDRESS}:{target}; proxy_timeout 10m; }}"
        for listen, target in pairs)
    return (f"load_module /usr/lib/nginx/modules/ngx_stream_module.so;\ndaemon off; worker_processes 2; pid {folder}/nginx.pid;\n"
            f"error_log {folder}/nginx.err crit; worker_rlimit_nofile 20000;\nevents {{ worker_connections 19900; multi_accept on; }}\n"
            f"stream {{ tcp_nodelay on;\n{servers}\n}}\n")


def all_relays(sentinel, gorelay):
    """In the order of the report; those whose program is missing are left out, and said to be."""
    haproxy = lambda file, _: [["haproxy", "-db", "-f", file]]
    candidates = [
        (shutil.which("haproxy"), Relay("haproxy", "HAProxy, splice-auto", haproxy, _haproxy(2, ["splice-auto"]))),
        (shutil.which("haproxy"), Relay("haproxy-splice", "HAProxy, splice-request and -response", haproxy,
                                        _haproxy(2, ["splice-request", "splice-response"]))),
        (os.path.exists("/usr/lib/nginx/modules/ngx_stream_module.so"),
         Relay("nginx", "nginx stream", lambda file, _: [["nginx", "-c", file]], _nginx)),
        (os.path.exists(SOCKET_PROXYD) and shutil.which("systemd-socket-activate"),
         Relay("socket-proxyd", "systemd-socket-proxyd", lambda _, pairs: [
             ["systemd-socket-activate", "-l", f"{net.PROXY_ADDRESS}:{listen}", SOCKET_PROXYD, "--connections-max=20000",
              f"{net.BACKEND_ADDRESS}:{target}"] for listen, target in pairs])),
        (gorelay, Relay("go", "Go, io.Copy", lambda _, pairs: [[gorelay, *_pairs(pairs)]])),
        (sentinel, Relay("managed", "Sentinel, managed engine", lambda _, pairs: [[sentinel, "managed", *_pairs(pairs)]])),
        (sentinel, Relay("sentinel", "Sentinel, splice engine", lambda _, pairs: [[sentinel, "splice", *_pairs(pairs)]])),
        (shutil.which("nft"), Kernel()),
    ]
    present = [relay for there, relay in candidates if there]
    missing = [relay.label for there, relay in candidates if not there]
    return present, missing
