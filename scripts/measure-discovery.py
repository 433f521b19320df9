"""Called by scripts/measure-discovery: CORPUS DBPII PSQL, with a server in the environment."""
import json
import logging
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.environ.get("DBSEC_PRESIDIO", os.path.join(ROOT, ".build-presidio")), "python"))
corpus_file, dbpii, psql = sys.argv[1:4]
with open(corpus_file, encoding="utf-8") as file:
    corpus = [json.loads(line) for line in file]

# What each column truly is, by the place that a scan names.
truth = {}
for column in corpus:
    place = f"public.{column['table']}.{column['column']}"
    if "labels" in column:
        truth.update({f"{place}.{path}": label for path, label in column["labels"].items()})
    else:
        truth[place] = column["label"]


def load():
    tables = defaultdict(list)
    for column in corpus:
        tables[column["table"]].append(column)
    escape = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    text = lambda value: "\\N" if value is None else "".join(escape.get(c, c) for c in value)
    script = ""
    for table, columns in tables.items():
        script += f'CREATE TABLE public."{table}" (' + ", ".join(f'"{c["column"]}" {c["type"]}' for c in columns) + ");\n"
        script += f'COPY public."{table}" FROM STDIN;\n'
        script += "".join("\t".join(map(text, row)) + "\n" for row in zip(*(c["values"] for c in columns))) + "\\.\n"
    subprocess.run([psql, "-X", "-q", "-v", "ON_ERROR_STOP=1"], input=script.encode(), check=True)


def ours():
    result = subprocess.run([dbpii, "scan", "--json"], capture_output=True)
    if result.returncode not in (0, 1):
        sys.exit(result.stderr.decode())
    return {".".join([f["schema"], f["table"], f["column"]] + f.get("path", [])): f["kind"] for f in json.loads(result.stdout)["findings"]}


# Presidio's entities, and what of ours they are; the rest it does not know.
ENTITIES = {
    "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "CREDIT_CARD": "payment-card", "IBAN_CODE": "iban", "IP_ADDRESS": "ip-address", "MAC_ADDRESS": "mac-address",
    "US_SSN": "national-id", "US_ITIN": "national-id", "UK_NHS": "national-id", "UK_NINO": "national-id", "ES_NIF": "national-id", "ES_NIE": "national-id",
    "IT_FISCAL_CODE": "national-id", "PL_PESEL": "national-id", "FI_PERSONAL_IDENTITY_CODE": "national-id", "IN_AADHAAR": "national-id", "AU_TFN": "national-id",
    "US_PASSPORT": "passport", "IT_PASSPORT": "passport", "US_DRIVER_LICENSE": "driving-licence", "IT_DRIVER_LICENSE": "driving-licence", "DATE_TIME": "birth-date",
    "US_BANK_NUMBER": "iban", "PERSON": "name", "LOCATION": "address", "UK_POSTCODE": "postal-code"}


def presidio():
    from presidio_analyzer import RecognizerRegistry
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    recognizers = [r for r in registry.recognizers if type(r).__name__ != "SpacyRecognizer"]
    found = {}
    for place, values in columns_of_corpus():
        share = Counter()
        for value in values:
            best = None
            for recognizer in recognizers:
                for result in recognizer.analyze(value, recognizer.supported_entities, None) or []:
                    if result.score >= 0.4 and (best is None or (result.score, result.end - result.start) > (best.score, best.end - best.start)):
                        best = result
            if best:
                share[best.entity_type] += 1
        if share:
            entity, count = share.most_common(1)[0]
            if count >= 0.5 * len(values):
                found[place] = ENTITIES.get(entity, entity)
    return found


def columns_of_corpus():
    for column in corpus:
        place = f"public.{column['table']}.{column['column']}"
        values = [v for v in column["values"] if v]
        if "labels" not in column:
            yield place, values
            continue
        for path in column["labels"]:
            leaves = []
            for document in values:
                leaf = json.loads(document)
                for key in path.split("."):
                    leaf = leaf[key]
                leaves += [str(v) for v in leaf] if isinstance(leaf, list) else [str(leaf)]
            yield f"{place}.{path}", leaves


def score(found):
    right, said, there = Counter(), Counter(), Counter()
    for place, label in truth.items():
        kind = found.get(place, "none")
        there[label] += 1
        said[kind] += 1
        if kind == label:
            right[label] += 1
    return right, said, there


def ratio(part, whole):
    return f"{part / whole:6.2f}" if whole else "     -"


# It looks for the list of top level domains on the network, and does without where there is none.
logging.disable(logging.CRITICAL)
load()
began = time.monotonic()
mine = ours()
mine_seconds = time.monotonic() - began
began = time.monotonic()
theirs = presidio()
theirs_seconds = time.monotonic() - began
(a_right, a_said, there), (b_right, b_said, _) = score(mine), score(theirs)
kinds = sorted(k for k in there if k != "none")
print(f"{len(truth)} columns, of them {there['none']} without personal data")
print(f"{'':18}{'columns':>8}  {'dbpii scan':^15}  {'presidio 2.2.366':^17}")
print(f"{'kind':18}{'':>8}  {'prec.':>6} {'recall':>7}  {'prec.':>7} {'recall':>8}")
for kind in kinds:
    print(f"{kind:18}{there[kind]:>8}  {ratio(a_right[kind], a_said[kind])} {ratio(a_right[kind], there[kind])}   {ratio(b_right[kind], b_said[kind])} {ratio(b_right[kind], there[kind])}")
for name, (right, said) in {"dbpii scan": (a_right, a_said), "presidio": (b_right, b_said)}.items():
    tp = sum(right[k] for k in kinds)
    print(f"all kinds, {name}: precision {ratio(tp, sum(n for k, n in said.items() if k != 'none')).strip()}, recall {ratio(tp, sum(there[k] for k in kinds)).strip()}")
print(f"seconds: dbpii scan {mine_seconds:.1f}, presidio {theirs_seconds:.1f}")
if os.environ.get("DBSEC_MISTAKES"):
    for place, label in truth.items():
        if mine.get(place, "none") != label:
            print(f"  {place}: is {label}, said {mine.get(place, 'none')}")
