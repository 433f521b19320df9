#!/usr/bin/env python3
"""Writes Sources/Core/Cryptography/Scram/SASLprepTables.swift from RFC 3454's tables and Unicode's, as Python has them.

PostgreSQL normalizes by the Unicode of its release and then refuses what Unicode 3.2 does not assign; a release more or
less differs in a few characters that nobody types. Mappings are to NFKD; recomposition is NFC's, which Swift has.

    python3 scripts/make-saslprep-tables.py >Sources/Core/Cryptography/Scram/SASLprepTables.swift
"""
import stringprep
import sys
import unicodedata

POINTS = [p for p in range(0x110000) if not 0xD800 <= p <= 0xDFFF]


def ranges(test):
    found = []
    for point in POINTS:
        if not test(chr(point)):
            continue
        if found and found[-1][1] == point - 1:
            found[-1][1] = point
        else:
            found.append([point, point])
    return found


def table(name, comment, numbers):
    """Differences in base 36: a tenth of the size of a list of literals, and quick to compile."""
    last, words = 0, []
    for number in numbers:
        words.append(base36(number - last))
        last = number
    print(f"    /// {comment}")
    print(f"    static let {name} = \"\"\"")
    line = ""
    for word in words:
        if len(line) + len(word) + 1 > 108:
            print("        " + line + " \\")
            line = ""
        line += (" " if line else "") + word
    print("        " + line)
    print("        \"\"\"\n")


def base36(number):
    digits, text = "0123456789abcdefghijklmnopqrstuvwxyz", ""
    while number:
        number, digit = divmod(number, 36)
        text = digits[digit] + text
    return text or "0"


def flat(pairs):
    return [number for pair in pairs for number in pair]


def prohibited(c):
    return (stringprep.in_table_c12(c) or stringprep.in_table_c21_c22(c) or stringprep.in_table_c3(c)
            or stringprep.in_table_c4(c) or stringprep.in_table_c5(c) or stringprep.in_table_c6(c)
            or stringprep.in_table_c7(c) or stringprep.in_table_c8(c) or stringprep.in_table_c9(c))


print("// Made by scripts/make-saslprep-tables.py from RFC 3454's tables: change that, not this.\n")
print("/// What SASLprep (RFC 4013) knows of characters, each list as differences in base 36.")
print("enum SASLprepTables {")
table("spaces", "C.1.2, which become a space.", flat(ranges(stringprep.in_table_c12)))
table("nothing", "B.1, which are left out.", flat(ranges(stringprep.in_table_b1)))
table("unassigned", "A.1, unassigned in Unicode 3.2.", flat(ranges(stringprep.in_table_a1)))
table("prohibited", "C.1.2 to C.9, which no password may hold.", flat(ranges(prohibited)))
table("rightToLeft", "D.1.", flat(ranges(stringprep.in_table_d1)))
table("leftToRight", "D.2.", flat(ranges(stringprep.in_table_d2)))
mapped = []
for point in POINTS:
    c = chr(point)
    # Only compatibility mappings: the canonical ones are done by NFC.
    full = unicodedata.normalize("NFKD", c)
    if full != unicodedata.normalize("NFD", c):
        mapped.append((point, [ord(x) for x in full]))
last, words = 0, []
for point, to in mapped:
    words.append(base36(point - last) + ":" + ",".join(base36(x) for x in to))
    last = point
print("    /// Compatibility decompositions: the character as a difference, a colon, what it becomes.")
print("    static let compatible = \"\"\"")
line = ""
for word in words:
    if len(line) + len(word) + 1 > 108:
        print("        " + line + " \\")
        line = ""
    line += (" " if line else "") + word
print("        " + line)
print("        \"\"\"")
print("}")
print(len(mapped), "mappings", file=sys.stderr)
