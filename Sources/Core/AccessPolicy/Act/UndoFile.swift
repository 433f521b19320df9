import AuditLog
import Cryptography
import FoundationEssentials
import Platform
import SystemPackage

/// Where an apply put the script that leads back.
package struct UndoReceipt: Sendable, Equatable, Encodable {
    /// The place of the apply's `started` record in the audit log: what `--undo` takes.
    package let record: Int
    /// The file, below the log's folder.
    package let file: String
    package let sha256: String
}

/// The script that leads back from one apply, with what must still be so for it to be run.
///
/// On disk it is SQL that psql runs too; its second line holds the same for programs, as a comment.
struct UndoFile: Codable, Sendable {
    static let format = "dbsec undo 1"
    private static let folder = "undo"
    private static let head = "-- "

    var format = Self.format
    let place: SavedPlan.Place
    let statements: [String]
    /// What the apply did that the statements do not take back.
    let left: [String]
    let before: [String: String]
    let after: [String: String]
    let touched: Touched

    init(_ reversal: Reversal, of changes: [Change], _ touched: Touched, at place: SavedPlan.Place) {
        self.place = place
        statements = reversal.statements
        left = changes.filter { !$0.kind.isUndoable }.map { $0.sql.joined(separator: "; ") }
        before = reversal.before.values
        after = reversal.after.values
        self.touched = touched
    }

    /// Writes the script beside the log, for its owner alone; when this returns, a crash cannot lose it.
    func write(beside log: FilePath, record: Int, id: String) throws -> UndoReceipt {
        let name = "\(Self.folder)/\(id).sql"
        let path = log.appending(name)
        try Files.createDirectory(path.removingLastComponent())
        let bytes = Array(try text().utf8)
        try Files.write(bytes, to: path)
        return UndoReceipt(record: record, file: name, sha256: SHA256.hash(bytes).hex)
    }

    /// Takes a script back whose transaction was not committed.
    static func discard(beside log: FilePath, id: String) {
        try? Files.remove(log.appending("\(folder)/\(id).sql"))
    }

    /// - Throws: with status 65 when the file is not the one that the record speaks of.
    static func read(_ name: String, beside log: FilePath, sha256: String) throws -> UndoFile {
        guard name.hasPrefix("\(folder)/"), !name.contains("..") else {
            throw PlainFailure(.malformed, "the audit log names \(name) as an undo script, which is not one")
        }
        let path = log.appending(name)
        let bytes = try Files.read(path, limit: 256 << 20)
        guard SHA256.hash(bytes).hex == sha256 else {
            throw PlainFailure(
                .malformed, "the undo script \(path) is not the one that was recorded: its SHA-256 is another",
                hint: "restore the file, or read it and run what you trust with psql")
        }
        let lines = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 2)
        guard lines.count > 1, lines[1].starts(with: Self.head.utf8),
            let file = try? JSONDecoder().decode(UndoFile.self, from: Data(lines[1].dropFirst(Self.head.utf8.count))),
            file.format == format
        else { throw PlainFailure(.malformed, "\(path) is not an undo script that this program can read") }
        return file
    }

    private func text() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let header = String(decoding: try encoder.encode(self), as: UTF8.self)
        let lines =
            [
                "-- Undoes one dbsec apply-roles: dbsec apply-roles --undo checks that nothing moved, or psql -1 -f.",
                Self.head + header,
                "SET search_path = pg_catalog;",
            ] + left.map { "-- not undone: \(oneLine($0))" } + statements.map { $0 + ";" }
        return lines.joined(separator: "\n") + "\n"
    }

    private func oneLine(_ text: String) -> String {
        text.unicodeScalars.map { $0.value < 32 ? " " : String($0) }.joined()
    }
}

extension UndoFile {
    /// Writes the script, unless there is nothing to undo.
    func receipt(_ log: FilePath, _ record: AuditEntry) throws -> UndoReceipt? {
        guard !statements.isEmpty else { return nil }
        return try write(beside: log, record: record.seq, id: record.id)
    }
}
