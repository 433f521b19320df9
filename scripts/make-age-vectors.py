#!/usr/bin/env python3
"""Writes test vectors for the age v1 file format, one file per case, into the folder named as argument.

Written from c2sp.org/age over the `cryptography` package, so that nothing of it is shared with what it tests. Form and
names of the cases are those of C2SP's own collection (CCTV): a text header, an empty line, then the age file. Keys:
`expect`, `payload` (SHA-256 of all plaintext that may be released), `identity`, `passphrase`, `armored`, `comment`.
The same files come out of every run.
"""

import base64
import hashlib
import hmac
import os
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CHUNK = 64 * 1024
VERSION = "age-encryption.org/v1\n"
TEXT = b"a small secret"


def fixed(label, count=32):
    return hashlib.shake_256(b"dbsec age vectors " + label.encode()).digest(count)


FILE_KEY = fixed("file key", 16)
NONCE = fixed("nonce", 16)
ME = fixed("identity")
OTHER = fixed("other identity")


# Encodings

def b64(data):
    return base64.b64encode(data).decode().rstrip("=")


def not_canonical(text):
    """Sets the lowest of the bits that the last character carries for nothing."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    assert len(text) % 4 in (2, 3)
    return text[:-1] + letters[letters.index(text[-1]) + 1]


def bech32(prefix, data):
    letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

    def polymod(values):
        check = 1
        for value in values:
            top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
            for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
                if top >> bit & 1:
                    check ^= term
        return check

    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    groups = [int(bits[i:i + 5], 2) for i in range(0, len(bits), 5)]
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    check = polymod(expanded + groups + [0] * 6) ^ 1
    groups += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return prefix + "1" + "".join(letters[group] for group in groups)


def identity_text(secret):
    return bech32("age-secret-key-", secret).upper()


# The format

def hkdf(secret, salt, info):
    return HKDF(hashes.SHA256(), 32, salt, info).derive(secret)


def wrapped(key, file_key):
    return ChaCha20Poly1305(key).encrypt(bytes(12), file_key, None)


def stanza(arguments, body):
    """A stanza by the rules; `body` is bytes or, for what breaks them, text to be wrapped as it is."""
    text = body if isinstance(body, str) else b64(body)
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    if not lines or len(lines[-1]) == 64:
        lines.append("")
    return "-> " + " ".join(arguments) + "\n" + "".join(line + "\n" for line in lines)


def public(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def x25519_parts(secret=ME, file_key=FILE_KEY, ephemeral=None):
    ephemeral = ephemeral or fixed("ephemeral")
    share, recipient = public(ephemeral), public(secret)
    shared = X25519PrivateKey.from_private_bytes(ephemeral).exchange(X25519PublicKey.from_public_bytes(recipient))
    return share, wrapped(hkdf(shared, share + recipient, b"age-encryption.org/v1/X25519"), file_key)


def x25519(secret=ME, file_key=FILE_KEY, kind="X25519"):
    share, body = x25519_parts(secret, file_key)
    return stanza([kind, b64(share)], body)


def x25519_point(share):
    """For a point of low order: what everybody computes there is zero."""
    key = hkdf(bytes(32), share + public(ME), b"age-encryption.org/v1/X25519")
    return stanza(["X25519", b64(share)], wrapped(key, FILE_KEY))


def scrypt_body(passphrase="password", salt=None, factor=10, file_key=FILE_KEY):
    salt = fixed("salt", 16) if salt is None else salt
    key = hashlib.scrypt(passphrase.encode(), salt=b"age-encryption.org/v1/scrypt" + salt, n=1 << factor, r=8, p=1,
                         dklen=32)
    return wrapped(key, file_key)


def scrypt(factor="10", body=None, salt=None, kind="scrypt", extra=()):
    salt = b64(fixed("salt", 16)) if salt is None else salt
    return stanza([kind, salt, factor, *extra], scrypt_body() if body is None else body)


def mac_of(text):
    return hmac.digest(hkdf(FILE_KEY, b"", b"header"), text.encode(), "sha256")


def header(*stanzas, version=VERSION, end=None):
    text = version + "".join(stanzas) + "---"
    mac = b64(mac_of(text))
    return (text + (" " + mac if end is None else end(mac)) + "\n").encode()


def sealed(chunks, lasts):
    """Chunks in order, each with or without the mark of the last."""
    key = ChaCha20Poly1305(hkdf(FILE_KEY, NONCE, b"payload"))
    return [key.encrypt(number.to_bytes(11, "big") + (b"\1" if last else b"\0"), chunk, None)
            for number, (chunk, last) in enumerate(zip(chunks, lasts))]


def payload(text=TEXT):
    chunks = [text[i:i + CHUNK] for i in range(0, len(text), CHUNK)] or [b""]
    return NONCE + b"".join(sealed(chunks, [False] * (len(chunks) - 1) + [True]))


def armor(data, columns=64, newline="\n"):
    text = base64.b64encode(data).decode()
    lines = ["-----BEGIN AGE ENCRYPTED FILE-----"]
    lines += [text[i:i + columns] for i in range(0, len(text), columns)]
    return newline.join(lines + ["-----END AGE ENCRYPTED FILE-----", ""])


# The cases

written = []


def case(name, expect, file, released=None, identities=(ME,), passphrases=(), armored=False, comment=None):
    lines = [f"expect: {expect}"]
    if expect in ("success", "payload failure"):
        lines.append("payload: " + hashlib.sha256(released).hexdigest())
    lines += [f"identity: {identity_text(identity)}" for identity in identities]
    lines += [f"passphrase: {passphrase}" for passphrase in passphrases]
    if armored:
        lines.append("armored: yes")
    if comment:
        lines.append(f"comment: {comment}")
    if isinstance(file, str):
        file = file.encode()
    with open(os.path.join(sys.argv[1], name), "wb") as out:
        out.write("\n".join(lines).encode() + b"\n\n" + file)
    written.append(name)


def bad_header(name, head, comment=None):
    case(name, "header failure", head + payload(), comment=comment)


def header_cases():
    good = header(x25519())
    case("empty", "header failure", b"")
    bad_header("header_crlf", good.replace(b"\n", b"\r\n"))
    bad_header("version_unsupported", header(x25519(), version="age-encryption.org/v1234\n"))
    case("hmac_bad", "HMAC failure", header(x25519(), end=lambda mac: " " + b64(bytes(32))) + payload())
    bad_header("hmac_extra_space", header(x25519(), end=lambda mac: "  " + mac))
    bad_header("hmac_garbage", header(x25519(), end=lambda mac: " " + mac + "AAAA"))
    bad_header("hmac_missing", header(x25519(), end=lambda mac: ""))
    bad_header("hmac_no_space", header(x25519(), end=lambda mac: mac))
    bad_header("hmac_not_canonical", header(x25519(), end=lambda mac: " " + not_canonical(mac)))
    bad_header("hmac_trailing_space", header(x25519(), end=lambda mac: " " + mac + " "))
    bad_header("hmac_truncated", header(x25519(), end=lambda mac: " " + b64(mac_of("anything")[:31])))


def stanza_cases():
    def accepted(name, *others):
        case(name, "success", header(*others, x25519()) + payload(), TEXT)

    full = "A" * 64 + "\n"
    bad_header("stanza_bad_start", header(x25519(), "--> other\n\n"))
    bad_header("stanza_base64_padding", header(x25519(), "-> other\nQUE=\n"))
    bad_header("stanza_empty_argument", header(x25519(), "-> other  argument\n\n"))
    accepted("stanza_empty_body", "-> other\n\n")
    accepted("stanza_empty_last_line", "-> other\n" + full + "\n")
    bad_header("stanza_invalid_character", header(x25519(), "-> oth\x7fer\n\n"))
    bad_header("stanza_long_line", header(x25519(), "-> other\n" + "A" * 68 + "\n\n"))
    bad_header("stanza_missing_body", header("-> other\n", x25519()), "a body has at least one line, even if empty")
    bad_header("stanza_missing_final_line", header(x25519(), "-> other\n" + full))
    bad_header("stanza_multiple_short_lines", header(x25519(), "-> other\nAAAA\nAAAA\n"))
    bad_header("stanza_no_arguments", header(x25519(), "->\n\n"))
    bad_header("stanza_not_canonical", header(x25519(), "-> other\n" + not_canonical(b64(b"a")) + "\n"))
    bad_header("stanza_spurious_cr", header(x25519(), "-> other\nAAAA\r\n"))
    printable = "".join(chr(code) for code in range(33, 127))
    accepted("stanza_valid_characters", "-> " + printable[:47] + " " + printable[47:] + "\n\n")


def x25519_cases():
    share, body = x25519_parts()
    good = x25519()
    case("x25519", "success", header(good) + payload(), TEXT)
    case("x25519_bad_tag", "no match",
         header(stanza(["X25519", b64(share)], body[:-1] + bytes([body[-1] ^ 1]))) + payload())
    bad_header("x25519_extra_argument", header(stanza(["X25519", b64(share), "more"], body)))
    case("x25519_grease", "success", header("-> one\n\n", good, "-> two 2\nAAAA\n") + payload(), TEXT)
    bad_header("x25519_identity", header(x25519_point(bytes(32))), "the share is the neutral point")
    low = bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")
    bad_header("x25519_low_order", header(x25519_point(low)), "the share is a point of order eight")
    bad_header("x25519_long_file_key", header(x25519(file_key=FILE_KEY + bytes(8))))
    bad_header("x25519_long_share", header(stanza(["X25519", b64(share + b"\0")], body)))
    case("x25519_lowercase", "no match", header(x25519(kind="x25519")) + payload())
    case("x25519_multiple_recipients", "success", header(x25519(OTHER), good) + payload(), TEXT)
    case("x25519_no_match", "no match", header(x25519(OTHER)) + payload())
    bad_header("x25519_not_canonical_body", header(stanza(["X25519", b64(share)], not_canonical(b64(body)))))
    bad_header("x25519_not_canonical_share", header(stanza(["X25519", not_canonical(b64(share))], body)))
    ephemeral = next(key for key in (fixed(f"short {n}") for n in range(100000)) if public(key)[-1] == 0)
    share, body = x25519_parts(ephemeral=ephemeral)
    bad_header("x25519_short_share", header(stanza(["X25519", b64(share[:-1])], body)), "a last byte of zero is left out")


def scrypt_cases():
    def add(name, expect, *stanzas, identities=(), released=None, comment=None):
        case(name, expect, header(*stanzas) + payload(), released, identities, ("password",), comment=comment)

    def bad(name, *stanzas, **more):
        add(name, "header failure", *stanzas, **more)

    body, salt = scrypt_body(), b64(fixed("salt", 16))
    add("scrypt", "success", scrypt(), released=TEXT)
    bad("scrypt_and_x25519", scrypt(), x25519(), identities=(ME,))
    add("scrypt_bad_tag", "no match", scrypt(body=body[:-1] + bytes([body[-1] ^ 1])))
    bad("scrypt_double", scrypt(), scrypt())
    bad("scrypt_extra_argument", scrypt(extra=("10",)))
    bad("scrypt_long_file_key", scrypt(body=scrypt_body(file_key=FILE_KEY + bytes(8))))
    add("scrypt_no_match", "no match", scrypt(body=scrypt_body("wordpass")))
    bad("scrypt_not_canonical_body", scrypt(body=not_canonical(b64(body))))
    bad("scrypt_not_canonical_salt", scrypt(salt=not_canonical(salt)))
    for name, count in (("long", 17), ("short", 15)):
        other = fixed("salt", count)
        bad(f"scrypt_salt_{name}", scrypt(salt=b64(other), body=scrypt_body(salt=other)))
    bad("scrypt_salt_missing", stanza(["scrypt", "10"], scrypt_body(salt=b"")))
    add("scrypt_uppercase", "no match", scrypt(kind="Scrypt"))
    add("scrypt_work_factor_wrong", "no match", scrypt(body=scrypt_body(factor=11)))
    bad("scrypt_work_factor_missing", stanza(["scrypt", salt], body))
    bad("scrypt_work_factor_23", scrypt("23"), comment="it would take long to try; the body is not made with it")
    for name, text in {
        "hex": "0xa", "leading_garbage": "aaaa10", "leading_plus": "+10", "leading_zero_decimal": "010",
        "leading_zero_octal": "012", "negative": "-10", "overflow": str((1 << 64) + 10), "trailing_garbage": "10aaaa",
        "zero": "0",
    }.items():
        bad(f"scrypt_work_factor_{name}", scrypt(text))


def stream_cases():
    head = header(x25519())
    full = bytes(CHUNK)
    last_full, other = b"\1" * CHUNK, b"tail"

    def good(name, text):
        case(name, "success", head + payload(text), text)

    def bad(name, stream, released=b"", comment=None):
        case(name, "payload failure", head + NONCE + stream, released, comment=comment)

    def chunks(texts, lasts):
        return b"".join(sealed(texts, lasts))

    def broken(data):
        return data[:-1] + bytes([data[-1] ^ 1])

    good("stream_257_chunks", full * 256 + other)
    good("stream_257_chunks_full", full * 257)
    good("stream_258_chunks", full * 257 + other)
    good("stream_empty_payload", b"")
    good("stream_last_chunk_full", last_full)
    good("stream_last_chunk_full_second", full + last_full)
    good("stream_two_chunks", full + other)
    good("stream_three_chunks", full * 2 + other)

    bad("stream_bad_tag", broken(chunks([TEXT], [True])))
    bad("stream_bad_tag_second_chunk", broken(chunks([full, other], [False, True])), full)
    bad("stream_bad_tag_second_chunk_full", broken(chunks([full, last_full], [False, True])), full)
    bad("stream_last_chunk_empty", chunks([full, b""], [False, True]), full)
    bad("stream_missing_tag", chunks([TEXT], [True])[:3])
    bad("stream_no_chunks", b"")
    bad("stream_no_final", chunks([TEXT], [False]))
    bad("stream_no_final_full", chunks([full], [False]), full, "it may be released before the end is seen")
    bad("stream_no_final_two_chunks", chunks([full, other], [False, False]), full)
    bad("stream_no_final_two_chunks_full", chunks([full, last_full], [False, False]), full + last_full)
    bad("stream_short_chunk", chunks([TEXT], [True])[:12])
    bad("stream_short_second_chunk", chunks([full, other], [False, True])[:CHUNK + 28], full)
    bad("stream_trailing_garbage_long", chunks([last_full], [True]) + bytes(20), last_full)
    bad("stream_trailing_garbage_short", chunks([last_full], [True]) + bytes(12), last_full)
    bad("stream_two_final_chunks", chunks([last_full, other], [True, True]), last_full)
    bad("stream_two_final_chunks_full", chunks([full, last_full], [True, True]), full)
    bad("stream_two_final_chunks_second", chunks([full, last_full, other], [False, True, True]), full + last_full)
    bad("stream_two_final_chunks_short", chunks([TEXT, other], [True, True]))
    case("stream_no_nonce", "header failure", head)
    case("stream_short_nonce", "header failure", head + NONCE[:12])


def armor_cases():
    head = header(x25519())
    file = head + payload()
    text = armor(file)
    lines = text.splitlines()
    first, body, last = lines[0], lines[1:-1], lines[-1]

    def good(name, text, released=TEXT, **more):
        case(name, "success", text, released, armored=True, **more)

    def bad(name, *parts, comment=None):
        case(name, "armor failure", "".join(part + "\n" for part in parts), armored=True, comment=comment)

    # A file whose armor ends in padding, and one whose last line is full.
    padded = next(armor(head + payload(b"p" * n)).splitlines() for n in range(9)
                  if "==\n" in armor(head + payload(b"p" * n)))
    assert len(padded[-2]) < 64
    exact = next(b"f" * n for n in range(60) if len(head + payload(b"f" * n)) % 48 == 0)

    good("armor_x25519", text)
    good("armor_crlf", armor(file, newline="\r\n"))
    good("armor_no_eol", text.rstrip("\n"))
    good("armor_full_last_line", armor(head + payload(exact)), exact)
    good("armor_whitespace_outside", "\n \t\n\n" + text + "\n \t\n")
    good("armor_scrypt", armor(header(scrypt()) + payload()), identities=(), passphrases=("password",))
    case("armor_no_match", "no match", armor(header(x25519(OTHER)) + payload()), armored=True)
    case("armor_empty", "header failure", armor(b""), armored=True)
    case("armor_header_crlf", "header failure", armor(head.replace(b"\n", b"\r\n") + payload()), armored=True)
    case("armor_garbage_encoded", "payload failure", armor(head + payload(b"\1" * CHUNK) + bytes(20)), b"\1" * CHUNK,
         armored=True, comment="what follows the final chunk is inside the armor")

    bad("armor_empty_last_line", *armor(head + payload(exact)).splitlines()[:-1], "", last)
    bad("armor_empty_line_begin", first, "", *body, last)
    bad("armor_empty_line_end", first, *body, "", last)
    bad("armor_eol_between_padding", *padded[:-2], padded[-2][:-1], "=", last)
    bad("armor_garbage_leading", "garbage", *lines)
    bad("armor_garbage_trailing", *lines, "garbage")
    bad("armor_headers", first, "Name: value", "", *body, last)
    bad("armor_invalid_character_header", first.replace("BEGIN", "B\0GIN"), *body, last)
    bad("armor_invalid_character_payload", first, body[0][:-1] + "*", *body[1:], last)
    bad("armor_long_line", *armor(file, columns=68).splitlines())
    bad("armor_lowercase", first.lower(), *body, last.lower())
    bad("armor_no_end_line", first, *body)
    bad("armor_no_padding", *padded[:-2], padded[-2].rstrip("="), last)
    bad("armor_not_canonical", *padded[:-2], not_canonical(padded[-2].rstrip("=")) + "==", last)
    bad("armor_pgp_checksum", first, *body, "=AAAA", last)
    bad("armor_short_line", *armor(file, columns=60).splitlines())
    bad("armor_whitespace_begin", first.replace("-----B", "----- B"), *body, last)
    bad("armor_whitespace_end", first, *body, last.replace("-----E", "----- E"))
    bad("armor_whitespace_eol", first, body[0] + " ", *body[1:], last)
    bad("armor_whitespace_last_line", first, *body[:-1], body[-1] + " ", last)
    bad("armor_whitespace_line_start", first, " " + body[0], *body[1:], last)
    bad("armor_wrong_type", first.replace("AGE", "PGP"), *body, last.replace("AGE", "PGP"))


if len(sys.argv) != 2:
    sys.exit("usage: make-age-vectors.py FOLDER")
os.makedirs(sys.argv[1], exist_ok=True)
header_cases()
stanza_cases()
x25519_cases()
scrypt_cases()
stream_cases()
armor_cases()
assert len(written) == len(set(written))
print(f"{len(written)} age vectors")
