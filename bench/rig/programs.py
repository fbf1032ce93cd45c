"""What the bench builds: the relay, the daemon and a plain YARP (Release), the load generators, the relay in Go."""
import os
import subprocess
import sys

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def build(folder):
    """Name -> path; None for what cannot be built on this machine."""
    tools = {"loadgen": f"{folder}/loadgen", "go": f"{folder}/gorelay", "relay": f"{folder}/relay/bench-relay", "sentinel": f"{folder}/sentinel/sentinel",
             "yarp": f"{folder}/yarp/bench-yarp"}
    subprocess.run(["cc", "-O2", "-o", tools["loadgen"], f"{BENCH}/load/loadgen.c"], check=True)
    paced = subprocess.run(["cc", "-O2", "-o", f"{folder}/paced", f"{BENCH}/load/paced.c", "-lssl", "-lcrypto"], capture_output=True)
    tools["paced"] = f"{folder}/paced" if paced.returncode == 0 else None  # wants OpenSSL's headers
    try:
        subprocess.run(["go", "build", "-o", tools["go"], f"{BENCH}/gorelay/main.go"], check=True, env={**os.environ, "GO111MODULE": "off"})
    except OSError:
        tools["go"] = None
    for project, target, *more in ((f"{BENCH}/relay", "relay"), (f"{BENCH}/../src/Sentinel.Service", "sentinel", "-p:PublishAot=true"), (f"{BENCH}/yarp", "yarp")):
        subprocess.run(["dotnet", "publish", project, "-c", "Release", "-o", f"{folder}/{target}", "-v", "q", "--nologo", *more], check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    return tools
