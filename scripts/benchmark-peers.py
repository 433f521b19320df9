"""Takes turns among tools, and prints wall time, processor time, bytes stored and memory of each; see benchmark-peers."""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time

work, bins, runs, megabytes = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
environment = dict(os.environ, RESTIC_PASSWORD="benchmark", RESTIC_REPOSITORY=f"{work}/restic",
                   RESTIC_CACHE_DIR=f"{work}/cache", BORG_PASSPHRASE="benchmark", BORG_REPO=f"{work}/borg",
                   BORG_BASE_DIR=f"{work}/borg-home", DBSEC_STATE=f"{work}/state")
become = "setpriv --reuid=postgres --regid=postgres --clear-groups -- " if os.geteuid() == 0 else ""
backrest = f"{become}pgbackrest --config={work}/pgbackrest.conf --stanza=bench"

# name, where it stores, how it begins anew, a backup, its own verification, and what that verification shows
TOOLS = [
    ("dbbackup", f"{work}/state/backups", f"rm -rf {work}/state/backups/*",
     "dbbackup run bench --quiet",
     [("dbbackup verify --level decode --quiet", "every row decrypts, decodes and has its recorded digest"),
      ("dbbackup verify --level restore --quiet", "restored, dumped again, every table's rows and definitions equal")]),
    ("pg_dump -Fc", f"{work}/dump", f"rm -rf {work}/dump",
     f"{bins}/pg_dump -Fc -f {work}/dump bench",
     [(f"{bins}/pg_restore -f /dev/null {work}/dump", "it decodes; not encrypted")]),
    ("pg_dump -Fd -j2", f"{work}/folder", f"rm -rf {work}/folder",
     f"{bins}/pg_dump -Fd -j2 -f {work}/folder bench",
     [(f"{bins}/pg_restore -f /dev/null {work}/folder", "it decodes; not encrypted")]),
    ("restic --stdin", f"{work}/restic", f"rm -rf {work}/restic {work}/cache; restic init -q",
     f"{bins}/pg_dump -Fc -Z0 bench | restic backup -q --stdin --stdin-filename bench.dump",
     [("restic check -q --read-data", "every byte stored is the one that was stored")]),
    ("borg -", f"{work}/borg", f"rm -rf {work}/borg {work}/borg-home; borg init -e repokey-blake2",
     f"{bins}/pg_dump -Fc -Z0 bench | borg create --compression zstd,3 ::bench -",
     [("borg check --verify-data", "every byte stored is the one that was stored")]),
    ("pgbackrest full", f"{work}/pgbackrest/repository/backup",
     f"{backrest} --no-online --force stop >/dev/null 2>&1; {backrest} start >/dev/null 2>&1; true",
     f"{backrest} --type=full backup",
     [(f"{backrest} verify", "every byte stored is the one that was stored")]),
]


def peak(stop, root, peaks):
    """The largest sum of resident memory over the process and its descendants, servers apart."""
    highest = 0
    while not stop.is_set():
        parents, sizes = {}, {}
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                fields = dict(line.split(":", 1) for line in open(f"/proc/{name}/status") if ":" in line)
                parents[int(name)] = int(fields["PPid"])
                sizes[int(name)] = 0 if "postgres" in fields["Name"] else int(fields.get("RssAnon", "0").split()[0])
            except (OSError, KeyError, ValueError, IndexError):
                continue
        family = {root}
        for _ in range(8):
            family |= {child for child, parent in parents.items() if parent in family}
        highest = max(highest, sum(sizes.get(one, 0) for one in family))
        stop.wait(0.1)
    peaks.append(highest / 1024)


def run(command, quiet=True):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    process = subprocess.Popen(["bash", "-o", "pipefail", "-c", command], env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    stop, peaks = threading.Event(), []
    watcher = threading.Thread(target=peak, args=(stop, process.pid, peaks))
    watcher.start()
    _, errors = process.communicate()
    seconds = time.monotonic() - started
    stop.set()
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode != 0:
        sys.exit(f"error: status {process.returncode} from: {command}\n{errors.decode(errors='replace')}")
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, processor, peaks[0]


def stored(path):
    return int(subprocess.run(["du", "-sb", path], check=True, capture_output=True).stdout.split()[0]) / 1e6


results = {}
for turn in range(runs + 1):
    for name, place, anew, backup, proofs in TOOLS:
        subprocess.run(["bash", "-c", anew], env=environment, check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = stored(place) if os.path.exists(place) and name.startswith("pgbackrest") else 0
        figures = [(backup, run(backup), stored(place) - before, "")]
        figures += [(command, run(command), None, shows) for command, shows in proofs]
        if turn > 0:  # the first round is a warm-up
            for number, figure in enumerate(figures):
                results.setdefault((name, number), []).append(figure)

print(f"{megabytes} MB of dump text, {os.cpu_count()} cores, median of {runs} rounds after a warm-up; processor time without the server's")
print(f"{'tool':16} {'step':9} {'wall s':>7} {'ratio':>6} {'cpu s':>7} {'stored MB':>10} {'memory MB':>10}  what it shows")
ours = statistics.median(figure[1][0] for figure in results[("dbbackup", 0)])
for (name, number), figures in results.items():
    wall, processor, memory = (statistics.median(figure[1][part] for figure in figures) for part in range(3))
    size = f"{figures[-1][2]:10.0f}" if number == 0 else " " * 10
    step = "backup" if number == 0 else "verify"
    ratio = f"{wall / ours:6.2f}"
    print(f"{name:16} {step:9} {wall:7.2f} {ratio} {processor:7.2f} {size} {memory:10.0f}  {figures[-1][3]}")
