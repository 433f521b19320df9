"""Appends to audit logs and verifies them, each beside a rival, and prints medians, ratios and peak memory.

Called by scripts/benchmark-audit. On a disk, since an append is worth its fsync: DBSEC_BENCH_DIR says on which (/var/tmp).
"""
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BIN, APPENDS, RECORDS, RUNS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
WORK = tempfile.mkdtemp(prefix="audit-bench-", dir=os.environ.get("DBSEC_BENCH_DIR", "/var/tmp"))
BARE = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
int main(int count, char **arguments) {
    int number = atoi(arguments[2]), size = atoi(arguments[3]);
    char *line = malloc(size), name[4096];
    memset(line, 'x', size);
    line[size - 1] = '\n';
    snprintf(name, sizeof name, "%s.lock", arguments[1]);
    int lock = open(name, O_RDWR | O_CREAT, 0600), log = open(arguments[1], O_WRONLY | O_APPEND | O_CREAT, 0600);
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int index = 0; index < number; index++) {
        if (flock(lock, LOCK_EX) || write(log, line, size) != size || fsync(log) || flock(lock, LOCK_UN)) return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%d\n", (int)(number / (end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9)));
}
"""


def run(*command, **options):
    """The output, the seconds, the seconds of processor and the peak memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, **options)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"{command} ended with {status}")
    return output.decode(), seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def rate(*command):
    return int(run(*command)[0])


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


try:
    with open(f"{WORK}/bare.c", "w") as file:
        file.write(BARE)
    subprocess.run(["cc", "-O2", "-o", f"{WORK}/bare", f"{WORK}/bare.c"], check=True)
    run(f"{BIN}/AuditBenchmark", "each", f"{WORK}/sample", "10")
    with open(f"{WORK}/sample/log-000000.jsonl", "rb") as file:
        size = len(file.readlines()[5])
    bare, each, session = [], [], []
    for number in range(RUNS):
        bare.append(rate(f"{WORK}/bare", f"{WORK}/bare-{number}", str(APPENDS), str(size)))
        session.append(rate(f"{BIN}/AuditBenchmark", "session", f"{WORK}/session-{number}", str(APPENDS)))
        each.append(rate(f"{BIN}/AuditBenchmark", "each", f"{WORK}/each-{number}", str(APPENDS)))
    row("what", "records a second", "ratio to the bare loop", "target")
    row("---", "---", "---", "---")
    row(f"flock + write + fsync in C, {size} bytes", f"{statistics.median(bare):,.0f}", "1", "")
    row("append, each record fsynced, one checkpoint", f"{statistics.median(session):,.0f}",
        spread([one / other for one, other in zip(session, bare)]), "0.8")
    row("append, each with a signed checkpoint", f"{statistics.median(each):,.0f}",
        spread([one / other for one, other in zip(each, bare)]), "0.45")

    log = f"{WORK}/state/audit"
    os.makedirs(f"{WORK}/state")
    _, seconds, processor, memory = run(f"{BIN}/AuditBenchmark", "batch", log, str(RECORDS))
    row(f"append in batches of 5,000, {RECORDS:,} records",
        f"{RECORDS / seconds:,.0f} ({RECORDS / processor:,.0f} a second of processor)", f"{memory:.0f} MB", "200,000")
    checkpoint = f"{WORK}/kept"
    shutil.copy(f"{log}/checkpoint", checkpoint)
    run(f"{BIN}/AuditBenchmark", "verify", log, "0")
    full = [run(f"{BIN}/AuditBenchmark", "verify", log, "0") for _ in range(RUNS)]
    processor = statistics.median(one[2] for one in full)
    row("verify, all of it",
        f"{RECORDS / statistics.median(one[1] for one in full):,.0f} ({RECORDS / processor:,.0f} a second of processor)",
        f"{max(one[3] for one in full):.0f} MB", "1,000,000 a core, 100 MB")
    rate(f"{BIN}/AuditBenchmark", "batch", log, str(RECORDS // 100))
    new = [run(f"{BIN}/AuditBenchmark", "verify", log, "0", checkpoint) for _ in range(RUNS)]
    assert int(new[0][0]) == RECORDS // 100
    row(f"verify from a checkpoint, {RECORDS // 100:,} records new",
        f"{statistics.median(one[1] for one in new) * 1000:.0f} ms",
        f"{statistics.median(one[1] for one in full) / statistics.median(one[1] for one in new):.0f} times as fast", "")
    prove = [run(f"{BIN}/AuditBenchmark", "prove", log, str(RECORDS // 2)) for _ in range(RUNS)]
    row("prove one record", f"{statistics.median(one[1] for one in prove) * 1000:.0f} ms", f"{prove[0][3]:.0f} MB", "")
finally:
    shutil.rmtree(WORK, ignore_errors=True)
