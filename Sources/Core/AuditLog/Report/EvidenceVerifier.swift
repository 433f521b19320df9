extension EvidencePack {
    /// Checks an evidence folder with nothing but Python's standard library.
    package static let verifier = #"""
        #!/usr/bin/env python3
        """Checks an evidence folder: files, signature, and that every record stands in the log.

        usage: verify.py [FOLDER] [--key FILE]      exit code 0: all of it holds; 1: it does not; 2: it cannot be checked
        """
        import base64, hashlib, json, os, sys


        def sha256(data):
            return hashlib.sha256(data).digest()


        # Ed25519 (RFC 8032, section 5.1.7), slowly and without any library.
        P = 2**255 - 19
        L = 2**252 + 27742317777372353535851937790883648493
        D = -121665 * pow(121666, P - 2, P) % P
        ROOT = pow(2, (P - 1) // 4, P)


        def recover_x(y, sign):
            square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
            x = pow(square, (P + 3) // 8, P)
            if (x * x - square) % P:
                x = x * ROOT % P
            if (x * x - square) % P or (x == 0 and sign):
                return None
            return P - x if x % 2 != sign else x


        def point(data):
            y = int.from_bytes(data, "little") & (1 << 255) - 1
            x = recover_x(y, data[31] >> 7) if y < P else None
            return None if x is None else (x, y, 1, x * y % P)


        def add(a, b):
            e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
            g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
            e, f, g, h = f - e, h - g, h + g, f + e
            return e * f % P, g * h % P, f * g % P, e * h % P


        def times(scalar, base):
            result = (0, 1, 1, 0)
            while scalar:
                if scalar & 1:
                    result = add(result, base)
                base, scalar = add(base, base), scalar >> 1
            return result


        BASE_Y = 4 * pow(5, P - 2, P) % P
        BASE = (recover_x(BASE_Y, 0), BASE_Y, 1, recover_x(BASE_Y, 0) * BASE_Y % P)


        def signed_by(key, message, signature):
            a, r = point(key), point(signature[:32]) if len(signature) == 64 else None
            s = int.from_bytes(signature[32:], "little")
            if a is None or r is None or s >= L:
                return False
            h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
            left, right = times(s, BASE), add(r, times(h, a))
            return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


        def read(folder, name):
            with open(os.path.join(folder, name), "rb") as file:
                return file.read()


        def check_files(folder):
            for line in read(folder, "SHA256SUMS").decode().splitlines():
                digest, name = line.split("  ", 1)
                if os.path.basename(name) != name or sha256(read(folder, name)).hex() != digest:
                    raise ValueError(name + " is not what SHA256SUMS says")


        def check_signature(note, vkey):
            name, key_id, encoded = vkey.strip().split("+", 2)
            key = base64.b64decode(encoded)
            if key[0] != 1 or sha256(name.encode() + b"\n" + key)[:4].hex() != key_id:
                raise ValueError("the key is none")
            text, _, signatures = note.rpartition(b"\n\n")
            for line in signatures.decode().splitlines():
                signer, blob = line.removeprefix("\u2014 ").split(" ")
                blob = base64.b64decode(blob)
                if signer == name and blob[:4].hex() == key_id:
                    if signed_by(key[1:], text + b"\n", blob[4:]):
                        return
                    raise ValueError("the signature of the checkpoint is wrong")
            raise ValueError("the checkpoint is not signed by this key")


        def root_of(low, high, leaves, subtrees):
            if (low, high - low) in subtrees:
                return subtrees[low, high - low]
            if high - low == 1:
                return leaves[low]
            half = 1 << (high - low - 1).bit_length() - 1
            return sha256(b"\x01" + root_of(low, low + half, leaves, subtrees) + root_of(low + half, high, leaves, subtrees))


        def main():
            arguments, key_file = sys.argv[1:], None
            if "--key" in arguments:
                at = arguments.index("--key")
                key_file = arguments[at + 1]
                del arguments[at : at + 2]
            folder = arguments[0] if arguments else os.path.dirname(os.path.abspath(__file__))
            check_files(folder)
            note = read(folder, "checkpoint")
            vkey = (open(key_file, "rb").read() if key_file else read(folder, "log.vkey")).decode()
            check_signature(note, vkey)
            origin, size, root = note.decode().split("\n")[:3]
            size, root = int(size), base64.b64decode(root)
            proof = json.loads(read(folder, "proof.json"))
            if proof["format"] != "dbsec subset proof v1" or proof["size"] != size:
                raise ValueError("proof.json belongs to another checkpoint")
            subtrees = {(start, count): bytes.fromhex(digest) for start, count, digest in proof["subtrees"]}
            leaves = {}
            for line in read(folder, "records.jsonl").split(b"\n")[:-1]:
                seq = json.loads(line)["seq"]
                if seq in leaves:
                    raise ValueError("record %d is there twice" % seq)
                leaves[seq] = sha256(b"\x00" + line)
            used = sum(count for _, count in subtrees) + len(leaves)
            if used != size or (size and root_of(0, size, leaves, subtrees) != root):
                raise ValueError("the records do not lead to the root that was signed")
            print("%s: %d of %d records, each of them in the log that was signed" % (origin, len(leaves), size))
            print("key: " + ("the one you gave" if key_file else "the one in this folder; compare it with the one you hold: " + vkey.strip()))


        try:
            main()
        except (ValueError, KeyError) as error:
            print("DOES NOT HOLD:", error)
            sys.exit(1)
        except OSError as error:
            print("cannot check:", error)
            sys.exit(2)
        """#
}
