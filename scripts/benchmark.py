"""Runs commands in turn, A B A B ..., and prints medians, paired ratios and peak memory; called by benchmark-backup."""

import glob
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time

work, recipient, bins, runs, megabytes = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
wanted = sys.argv[6:] or ["pipeline", "plain", "jobs", "proof", "restore", "start"]
repository = f"{work}/state/backups"
OURS = {"dbbackup", "dbsec", "dbaudit"}


def clean():
    shutil.rmtree(repository, ignore_errors=True)
    os.makedirs(repository)
    for name in ("out", "scratch"):
        shutil.rmtree(f"{work}/{name}", ignore_errors=True)
        if os.path.exists(f"{work}/{name}"):
            os.remove(f"{work}/{name}")


def peak_of_ours(stop, peaks):
    """The largest sum of VmHWM over our own programs among the process and its descendants."""
    highest = {}
    while not stop.is_set():
        for name in glob.glob("/proc/[0-9]*/comm"):
            try:
                if open(name).read().strip() not in OURS:
                    continue
                status = open(name.replace("comm", "status")).read()
            except OSError:
                continue
            if "VmHWM:" in status:
                highest[name] = int(status.split("VmHWM:")[1].split()[0])
        stop.wait(0.05)
    peaks.append(sum(highest.values()) / 1024)


def timed(command):
    started = time.monotonic()
    process = subprocess.Popen(["bash", "-o", "pipefail", "-c", command], stdout=subprocess.DEVNULL)
    stop, peaks = threading.Event(), []
    watcher = threading.Thread(target=peak_of_ours, args=(stop, peaks))
    watcher.start()
    status = process.wait()
    seconds = time.monotonic() - started
    stop.set()
    watcher.join()
    if status != 0:
        sys.exit(f"error: status {status} from: {command}")
    return seconds, peaks[0]


def verdict(ratio, limit):
    return f"   at most {limit}: {'met' if ratio <= limit else 'NOT MET'}" if limit else ""


def compare(title, ours, rival, limit, prepare=clean, shown=None):
    mine, theirs, ratios, peaks = [], [], [], []
    for turn in range(runs + 1):
        prepare()
        a, peak = timed(ours)
        prepare()
        b, _ = timed(rival)
        if turn == 0:
            continue  # a warm-up
        mine.append(a), theirs.append(b), ratios.append(a / b), peaks.append(peak)
    print(f"\n{title}")
    print(f"  ours   {statistics.median(mine):7.2f} s  ({min(mine):.2f} to {max(mine):.2f})   {ours}")
    print(f"  rival  {statistics.median(theirs):7.2f} s  ({min(theirs):.2f} to {max(theirs):.2f})   {shown or rival}")
    print(f"  ratio  {statistics.median(ratios):7.2f}    ({min(ratios):.2f} to {max(ratios):.2f}){verdict(statistics.median(ratios), limit)}")
    print(f"  peak memory of our processes {max(peaks):.0f} MB", flush=True)


def start_up():
    print("\nstart-up: --version, median of 21")
    for program in sorted(OURS):
        times = []
        for _ in range(22):
            started = time.monotonic()
            subprocess.run([program, "--version"], check=True, stdout=subprocess.DEVNULL)
            times.append((time.monotonic() - started) * 1000)
        median = statistics.median(times[1:])
        print(f"  {program:9} {median:5.1f} ms   at most 25: {'met' if median <= 25 else 'NOT MET'}")


os.chdir(work)
print(f"{megabytes} MB of dump text, {os.cpu_count()} cores, {runs} pairs after a warm-up; medians (lowest to highest)")
dump = f"{bins}/pg_dump -Fc -Z0 bench"
if "pipeline" in wanted:
    compare("backup, against the best pipeline by hand", "dbbackup run bench --quiet",
            f"{dump} | zstd -q -3 -T2 | age -r {recipient} > {work}/out", 1.05)
if "plain" in wanted:
    compare("backup, against pg_dump -Fc as it comes", "dbbackup run bench --quiet",
            f"{bins}/pg_dump -Fc bench > {work}/out", 0.6)
if "jobs" in wanted:
    compare("backup by as many pg_dump as there are processors, against one", "dbbackup run bench --quiet",
            "dbbackup run bench --quiet --jobs 1", 1.0)


def one_backup():
    """A backup and a plain dump stay; only what a run leaves behind goes."""
    shutil.rmtree(f"{work}/scratch", ignore_errors=True)
    subprocess.run(["dropdb", "--if-exists", "again"], check=True, stderr=subprocess.DEVNULL)


if "proof" in wanted or "restore" in wanted:
    clean()
    timed("dbbackup run bench --quiet")
    timed(f"{dump} > {work}/out")
os.makedirs(f"{work}/socket", exist_ok=True)
if os.geteuid() == 0:
    shutil.chown(f"{work}/socket", "postgres")
become = "setpriv --reuid=postgres --regid=postgres --clear-groups -- " if os.geteuid() == 0 else ""
settings = ("-c fsync=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 -c autovacuum=off "
            "-c maintenance_work_mem=256MB -c max_wal_size=8GB")
bare = (
    f"mkdir {work}/scratch && chmod 777 {work}/scratch && cd / && "
    f"{become}{bins}/initdb -N -A trust -U postgres -E UTF8 --locale=C.UTF-8 -D {work}/scratch/data >/dev/null && "
    f"{become}{bins}/pg_ctl -s -w -D {work}/scratch/data -l {work}/scratch/log "
    f"-o \"-k {work}/socket -c listen_addresses='' {settings}\" start && "
    f"{bins}/createdb -h {work}/socket bench && {bins}/pg_restore -h {work}/socket -e -d bench {work}/out && "
    f"{become}{bins}/pg_ctl -s -w -m immediate -D {work}/scratch/data stop"
)
if "proof" in wanted:
    compare("proof by restore, against bare initdb and pg_restore", "dbbackup verify --level restore --quiet", bare, 1.25,
            prepare=one_backup, shown="initdb, start, createdb, pg_restore -e, stop")
if "restore" in wanted:
    compare("restore, against pg_restore of a plain archive",
            "dbbackup restore latest --database bench --target-dbname again --quiet",
            f"createdb again && {bins}/pg_restore -e -d again {work}/out", None, prepare=one_backup)
    compare("restore without its comparison, against pg_restore -j2 of a plain archive",
            "dbbackup restore latest --database bench --target-dbname again --no-compare --quiet",
            f"createdb again && {bins}/pg_restore -e -j2 -d again {work}/out", None, prepare=one_backup)
if "start" in wanted:
    start_up()
