"""Counts the processor time of every process and thread of a backup; called by benchmark-streams.

A stage that runs in one thread cannot be faster than that thread, however many processors there are, and all of it together cannot be
faster than the sum divided by the processors: the larger of the two is the least time that the backup can take.
"""

import glob
import os
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")


def sample(seen):
    """Remembers for each thread of interest the processor time that it has used so far."""
    for process in glob.glob("/proc/[0-9]*"):
        try:
            command = open(f"{process}/cmdline").read().replace("\0", " ")
            name = open(f"{process}/comm").read().strip()
            if name == "postgres" and " bench " in command:
                kind = "server"
            elif name in ("pg_dump", "dbbackup"):
                kind = name
            else:
                continue
            for task in glob.glob(f"{process}/task/*/stat"):
                fields = open(task).read().rsplit(")", 1)[1].split()
                seen[kind, task] = (int(fields[11]) + int(fields[12])) / TICK
        except (OSError, IndexError):
            continue


def measure(jobs):
    seen, begun = {}, time.monotonic()
    process = subprocess.Popen(["dbbackup", "run", "bench", "--quiet", "--jobs", str(jobs)])
    while process.poll() is None:
        sample(seen)
        time.sleep(0.01)
    if process.returncode != 0:
        raise SystemExit(f"error: status {process.returncode}")
    wall = time.monotonic() - begun
    kinds = {}
    for (kind, _), seconds in seen.items():
        kinds.setdefault(kind, []).append(seconds)
    return wall, kinds


def main():
    cores = [2, 4, 8, 16]
    print(f"{os.cpu_count()} processors here. Seconds of processor time; in brackets that of the busiest thread.\n")
    print("streams   wall   server          pg_dump         dbbackup        sum     least time on" + "".join(f"{n:>7}" for n in cores))
    first = None
    for jobs in [1, 2, 4, 8]:
        wall, kinds = min((measure(jobs) for _ in range(3)), key=lambda result: result[0])
        total = sum(sum(values) for values in kinds.values())
        busiest = max(max(values) for values in kinds.values())
        least = [max(total / n, busiest) for n in cores]
        first = first or least
        columns = "".join(
            f"{sum(kinds.get(kind, [0])):7.2f} ({max(kinds.get(kind, [0])):.2f})  " for kind in ("server", "pg_dump", "dbbackup"))
        print(f"{jobs:7} {wall:7.2f} {columns}{total:7.2f}                  " + "".join(f"{seconds:7.2f}" for seconds in least))
        if jobs > 1:
            print(" " * 57 + "times as fast as one stream     " + "".join(f"{a / b:7.1f}" for a, b in zip(first, least)))


main()
