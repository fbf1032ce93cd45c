"""Four hosts as network namespaces: client - proxy - backend, and beside the proxy a host that only forwards (kernel DNAT)."""
import os
import shutil
import subprocess

# a second rig beside the first goes by another name; addresses are each rig's own
PREFIX = os.environ.get("SENTINEL_BENCH_PREFIX", "spl")
CLIENT, PROXY, KERNEL, BACKEND = (f"{PREFIX}-{name}" for name in ("client", "proxy", "kernel", "backend"))

PROXY_ADDRESS = "10.78.1.2"
KERNEL_ADDRESS = "10.78.3.2"
BACKEND_ADDRESS = "10.78.2.3"
BACKEND_BEHIND_KERNEL = "10.78.4.3"
SOURCES = (11, 60)  # the client's further addresses: 10.78.1.11-60 and 10.78.3.11-60

# Linux's own default. Pacing by BBR, which some machines come with, bounds a stream below what relays can do.
CONGESTION = "cubic"

# what the backend offers
BULK_PORT, ECHO_PORT = 5201, 7000
# kernel DNAT listens on these; every user-space relay gets a pair of its own
KERNEL_BULK_PORT, KERNEL_ECHO_PORT = 20000, 21000


def run(*words, text=None, check=True):
    return subprocess.run(words, input=text, text=True, check=check, capture_output=True)


def inside(host, *words):
    return ["ip", "netns", "exec", host, *words]


def _wire(left, left_device, left_address, right, right_device, right_address):
    run("ip", "link", "add", left_device, "netns", left, "type", "veth", "peer", "name", right_device, "netns", right)
    for host, device, address in ((left, left_device, left_address), (right, right_device, right_address)):
        run("ip", "-n", host, "address", "add", f"{address}/24", "dev", device)
        run("ip", "-n", host, "link", "set", device, "up")
        network = address.rpartition(".")[0] + ".0/24"
        run("ip", "-n", host, "route", "change", network, "dev", device, "src", address, "congctl", CONGESTION)


def _sysctl(host, **settings):
    for name, value in settings.items():
        run(*inside(host, "sysctl", "-qw", f"net.{name.replace('__', '.')}={value}"), check=False)


def up():
    down()
    for host in (CLIENT, PROXY, KERNEL, BACKEND):
        run("ip", "netns", "add", host)
        run("ip", "-n", host, "link", "set", "lo", "up")
        _sysctl(host, core__somaxconn=8192, ipv4__tcp_max_syn_backlog=8192, ipv4__tcp_tw_reuse=1, ipv4__tcp_max_tw_buckets=400000)
    _wire(CLIENT, "to-proxy", "10.78.1.1", PROXY, "to-client", PROXY_ADDRESS)
    _wire(PROXY, "to-backend", "10.78.2.2", BACKEND, "to-proxy", BACKEND_ADDRESS)
    _wire(CLIENT, "to-kernel", "10.78.3.1", KERNEL, "to-client", KERNEL_ADDRESS)
    _wire(KERNEL, "to-backend", "10.78.4.2", BACKEND, "to-kernel", BACKEND_BEHIND_KERNEL)
    for last in range(SOURCES[0], SOURCES[1] + 1):
        run("ip", "-n", CLIENT, "address", "add", f"10.78.1.{last}/24", "dev", "to-proxy")
        run("ip", "-n", CLIENT, "address", "add", f"10.78.3.{last}/24", "dev", "to-kernel")
    # clients ask for names: certificates and routes are by name
    os.makedirs(f"/etc/netns/{CLIENT}", exist_ok=True)
    with open(f"/etc/netns/{CLIENT}/hosts", "w") as hosts:
        hosts.write(f"127.0.0.1 localhost\n{PROXY_ADDRESS} bench.test\n")
    # listeners stay below the proxy's own ports, so that none of them is taken for an outgoing connection
    _sysctl(CLIENT, ipv4__ip_local_port_range="1024 65000")
    _sysctl(PROXY, ipv4__ip_local_port_range="24000 65000")
    _sysctl(KERNEL, ipv4__ip_forward=1, netfilter__nf_conntrack_max=1000000,
            netfilter__nf_conntrack_tcp_timeout_time_wait=1, netfilter__nf_conntrack_tcp_timeout_close=1)
    run(*inside(KERNEL, "nft", "-f", "-"), text=f"""
        table ip bench {{
          chain to_backend {{ type nat hook prerouting priority dstnat;
            ip daddr {KERNEL_ADDRESS} tcp dport {KERNEL_BULK_PORT} dnat to {BACKEND_BEHIND_KERNEL}:{BULK_PORT}
            ip daddr {KERNEL_ADDRESS} tcp dport {KERNEL_ECHO_PORT} dnat to {BACKEND_BEHIND_KERNEL}:{ECHO_PORT}; }}
          chain back {{ type nat hook postrouting priority srcnat; oifname "to-backend" masquerade; }}
        }}""")


def down():
    for host in (CLIENT, PROXY, KERNEL, BACKEND):
        run("ip", "netns", "delete", host, check=False)
    shutil.rmtree(f"/etc/netns/{CLIENT}", ignore_errors=True)
