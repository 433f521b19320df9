package import Cryptography

/// How long a log is and what its root is: the text of C2SP tlog-checkpoint.
package struct Checkpoint: Hashable, Sendable {
    package let origin: String
    package let size: Int
    package let root: Digest

    package init(origin: String, size: Int, root: Digest) {
        self.origin = origin
        self.size = size
        self.root = root
    }

    /// - Throws: `AuditFailure.malformedNote` for anything but three lines: origin, size and root.
    package init(parsing text: String) throws {
        let lines = text.utf8.split(separator: lineFeed, omittingEmptySubsequences: false).map { String($0) }
        guard lines.count == 4, let origin = lines[0], VerifierKey.isValid(name: origin),
            let size = lines[1].flatMap({ Int($0) }), size >= 0, lines[1] == String(size),
            let hash = lines[2].flatMap({ Base64.decode($0.utf8) }), let root = Digest(hash.span), lines[3] == ""
        else { throw AuditFailure(.malformedNote, "the note is not a checkpoint of a log") }
        self.init(origin: origin, size: size, root: root)
    }

    package var text: String {
        "\(origin)\n\(size)\n\(Base64.encode(root.bytes))\n"
    }
}

/// A checkpoint together with the note that proves it.
package struct SignedCheckpoint: Equatable, Sendable {
    package let checkpoint: Checkpoint
    package let note: SignedNote

    package init(parsing bytes: [UInt8]) throws {
        note = try SignedNote(parsing: bytes)
        checkpoint = try Checkpoint(parsing: note.text)
    }

    package init(_ checkpoint: Checkpoint, signedBy key: SignerKey) {
        self.checkpoint = checkpoint
        note = key.sign(checkpoint.text)
    }

    /// Whether the key belongs to this checkpoint's log and signed it.
    package func isSigned(by key: VerifierKey) -> Bool {
        checkpoint.origin == key.name && note.isSigned(by: key)
    }

    package var size: Int { checkpoint.size }
    package var root: Digest { checkpoint.root }
    package var encoded: String { note.encoded }
}
