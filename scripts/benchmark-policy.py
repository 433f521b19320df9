"""Times dbsec and pgbedrock on one database, and prints medians and ratios; called by benchmark-policy."""

import json
import os
import statistics
import subprocess
import sys
import time

work, schemas, runs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
KINDS = 4
names = [f"s{number:04}" for number in range(1, schemas + 1)]
everything = [f"{name}.*" for name in names]
READ, WRITE = ["SELECT"], ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]


def psql(database, sql):
    sql = "SET client_min_messages = warning; " + sql
    subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database], input=sql.encode(), check=True,
                   stdout=subprocess.DEVNULL)


def make_template():
    """Committed schema by schema, so that no transaction holds thirty thousand locks."""
    subprocess.run(["createdb", "template_bench"], check=True)
    for start in range(0, schemas, 100):
        made = names[start : start + 100]
        psql("template_bench", "".join(
            f"CREATE SCHEMA {name};" + "".join(
                f"CREATE TABLE {name}.t{i} (id int); CREATE VIEW {name}.v{i} AS SELECT id FROM {name}.t{i};"
                f"CREATE SEQUENCE {name}.q{i};" for i in range(KINDS))
            for name in made))
    subprocess.run(["vacuumdb", "-qz", "template_bench"], check=True)


def policy():
    grants = [{"to": ["bench_read", "bench_write"], "on": {"schemas": names}, "privileges": ["USAGE"]}]
    for role, tables, sequences in (("bench_read", READ, ["SELECT"]), ("bench_write", WRITE, ["SELECT", "USAGE", "UPDATE"])):
        grants.append({"to": [role], "on": {"tables": everything}, "privileges": tables})
        grants.append({"to": [role], "on": {"sequences": everything}, "privileges": sequences})
    document = {"version": 1, "mode": "authoritative", "manages": {"schemas": ["s*"], "roles": ["bench_*"]},
                "roles": {"bench_read": {}, "bench_write": {}}, "grants": grants}
    path = f"{work}/policy.json"
    json.dump(document, open(path, "w"), indent=1)
    return path


def specification():
    """The same in pgbedrock's words, which wants every role and owner of the cluster: its own `generate` writes those."""
    sys.path.insert(0, f"{work}/python")
    import yaml

    fresh()
    psql("bench", roles)
    text = subprocess.run(bedrock("generate"), env={**os.environ, **PYTHON}, capture_output=True, check=True).stdout
    document = yaml.safe_load(text)
    for role, right in (("bench_read", "read"), ("bench_write", "write")):
        document[role] = {"privileges": {
            "schemas": {"read": names}, "tables": {right: everything}, "sequences": {right: everything}}}
    path = f"{work}/bedrock.yml"
    yaml.safe_dump(document, open(path, "w"))
    return path


def fresh():
    subprocess.run(["dropdb", "--if-exists", "--force", "bench"], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["createdb", "--template=template_bench", "bench"], check=True)
    psql("postgres", "DROP ROLE IF EXISTS bench_read; DROP ROLE IF EXISTS bench_write")


def run(command, expected=0, environment=None):
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=open(f"{work}/said", "w"), stderr=subprocess.STDOUT,
                               env={**os.environ, **(environment or {})})
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    if os.waitstatus_to_exitcode(status) not in ([0, 1] if expected is None else [expected]):
        said = open(f"{work}/said").read()[-2000:]
        sys.exit(f"error: {' '.join(command)}: {os.waitstatus_to_exitcode(status)}: {said}")
    return seconds, usage.ru_maxrss / 1024


def bare_statements():
    """The statements of our own plan, for psql in one transaction: what the server alone takes for them."""
    fresh()
    said = subprocess.run(["dbsec", "plan", "--json", "-d", "bench", policy_path], capture_output=True).stdout
    path = f"{work}/bare.sql"
    with open(path, "w") as file:
        file.writelines(statement + ";\n" for change in json.loads(said)["changes"] for statement in change["sql"])
    return path


def bedrock(verb, *arguments):
    login = ["-h", os.environ["PGHOST"], "-p", "5432", "-U", "postgres", "-w", "none", "-d", "bench"]
    return [sys.executable, f"{work}/python/bin/pgbedrock", verb, *login, *arguments]


PYTHON = {"PYTHONPATH": f"{work}/python"}
roles = "CREATE ROLE bench_read; CREATE ROLE bench_write;"
make_template()
policy_path, specification_path = policy(), specification()
OURS = {
    "plan": (["dbsec", "plan", "-d", "bench", policy_path], 1, 1.5),
    "apply": (["dbsec", "apply-roles", "-d", "bench", policy_path], 0, 5.0),
    "empty plan": (["dbsec", "plan", "-d", "bench", policy_path], 0, 1.5),
    "lint": (["dbsec", "lint", "-d", "bench", policy_path], None, 3.0),
}
RIVAL = {"plan": "--check", "apply": "--live", "empty plan": "--check"}
bare = ["psql", "-Xq1", "-v", "ON_ERROR_STOP=1", "-d", "bench", "-f", bare_statements()]
alone = []
ours, rival, memory = {name: [] for name in OURS}, {name: [] for name in RIVAL}, {"dbsec": [], "pgbedrock": []}
for turn in range(runs + 1):
    fresh()
    for name, (command, expected, _) in OURS.items():
        seconds, peak = run(command, expected)
        if turn:
            ours[name].append(seconds), memory["dbsec"].append(peak)
    fresh()
    seconds, _ = run(bare)
    if turn:
        alone.append(seconds)
    if turn > 1:
        continue  # it takes long, and once after a warm-up of the server is enough
    fresh()
    psql("bench", roles)
    for name, mode in RIVAL.items():
        seconds, peak = run(bedrock("configure", specification_path, mode), environment=PYTHON)
        if turn:
            rival[name].append(seconds), memory["pgbedrock"].append(peak)

objects = schemas * KINDS
print(f"{objects} tables, {objects} views and {objects} sequences in {schemas} schemas; median of {runs} runs, pgbedrock 1")
for name, (_, _, limit) in OURS.items():
    mine = statistics.median(ours[name])
    line = f"  {name:10} {mine:6.2f} s   at most {limit} s: {'met' if mine <= limit else 'NOT MET'}"
    if name in rival:
        theirs = statistics.median(rival[name])
        line += f"   pgbedrock {theirs:6.2f} s, {theirs / mine:.0f} times as long (at least 8: {'met' if theirs >= 8 * mine else 'NOT MET'})"
    print(line)
floor = statistics.median(alone)
print(f"  the statements of apply alone, by psql {floor:.2f} s: apply takes {statistics.median(ours['apply']) / floor:.2f} times"
      f" as long, pgbedrock {statistics.median(rival['apply']) / floor:.1f} times")
print(f"  peak memory {max(memory['dbsec']):.0f} MB   at most 250: {'met' if max(memory['dbsec']) <= 250 else 'NOT MET'}"
      f"   pgbedrock {max(memory['pgbedrock']):.0f} MB")
