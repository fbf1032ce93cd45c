"""What the machine tells: processor time, who else uses it, memory, a cap on processor time."""
import os
import time

from . import network as net
from .relays import descendants

TICK = os.sysconf("SC_CLK_TCK")


def _times(pid):
    """User and system time of a process and of its children that ended, in clock ticks; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return [int(word) for word in file.read().rpartition(")")[2].split()[11:15]]
    except (OSError, ValueError):
        return None


def used_by(pids):
    """Processor seconds of these processes so far."""
    return sum(sum(times[:2]) for times in map(_times, pids) if times) / TICK


def used_by_others():
    """Processor seconds of everything in user space that is not part of the bench."""
    ours = set(descendants(os.getpid()))
    return sum(sum(times) for times in (_times(pid) for pid in os.listdir("/proc") if pid.isdigit() and int(pid) not in ours) if times) / TICK


def wait_until_quiet(patience):
    """Waits until others leave the processors alone; False if they do not."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        before = used_by_others()
        time.sleep(0.4)
        if used_by_others() - before < 0.03:
            return True
    return False


def memory_of(pids):
    """Proportional set size in bytes: shared pages count in parts."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except OSError:
            pass
    return total * 1024


class Cap:
    """Holds processes to a share of one processor (cgroup v1 or v2)."""

    PERIOD = 20000  # microseconds

    def __init__(self, name, share):
        quota = int(self.PERIOD * share)
        if os.path.isdir("/sys/fs/cgroup/cpu"):
            self._folder = f"/sys/fs/cgroup/cpu/{net.PREFIX}-bench-{name}"
            os.makedirs(self._folder, exist_ok=True)
            self._write("cpu.cfs_period_us", self.PERIOD)
            self._write("cpu.cfs_quota_us", quota)
        else:
            self._folder = f"/sys/fs/cgroup/{net.PREFIX}-bench-{name}"
            os.makedirs(self._folder, exist_ok=True)
            self._write("cpu.max", f"{quota} {self.PERIOD}")

    def add(self, pids):
        for pid in pids:
            self._write("cgroup.procs", pid)

    def _write(self, file, value):
        with open(os.path.join(self._folder, file), "w") as target:
            target.write(str(value))

    def remove(self):
        try:
            os.rmdir(self._folder)
        except OSError:
            pass
