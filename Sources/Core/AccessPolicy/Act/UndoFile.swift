import AuditLog
import Cryptography
import FoundationEssentials
import Platform
import PostgresClient
import SystemPackage

/// Where an apply put the script that leads back.
package struct UndoReceipt: Sendable, Equatable, Encodable {
    /// The place of the apply's `started` record in the audit log: what `--undo` takes.
    package let record: Int
    /// The file, below the log's folder.
    package let file: String
    package let sha256: String
    /// How many statements lead back: none where all that was done cannot be undone.
    package let statements: Int
    /// How much of what was done they do not take back; the file lists it.
    package let left: Int
}

/// The script that leads back from one apply, with what must still be so for it to be run.
///
/// On disk it is SQL that psql runs too; comments in front hold the rest for programs: `UndoText` writes and reads it.
struct UndoFile: Sendable {
    private static let folder = "undo"

    let place: SavedPlan.Place
    let statements: [String]
    /// What the apply did that the statements do not take back.
    let left: [String]
    let before: [String: String]
    let after: [String: String]
    let touched: Touched

    init(
        place: SavedPlan.Place, statements: [String], left: [String], before: [String: String],
        after: [String: String], touched: Touched
    ) {
        self.place = place
        self.statements = statements
        self.left = left
        self.before = before
        self.after = after
        self.touched = touched
    }

    /// The way back from changes that were made between two looks at a database.
    static func leading(
        back changes: [Change], from after: Snapshot, to before: Snapshot, at place: SavedPlan.Place
    ) throws -> UndoFile {
        let touched = Touched(changes)
        let retired = Set(changes.compactMap(\.retiredRole))
        return UndoFile(
            try Reversal(from: after, backTo: before, touched, retired: retired), of: changes, touched, at: place)
    }

    init(_ reversal: Reversal, of changes: [Change], _ touched: Touched, at place: SavedPlan.Place) {
        self.init(
            place: place, statements: reversal.statements, left: reversal.left(of: changes),
            before: reversal.before.values, after: reversal.after.values, touched: touched)
    }

    /// Writes the script beside the log, for its owner alone; when this returns, a crash cannot lose it.
    func write(beside log: FilePath, record: Int, id: String) throws -> UndoReceipt {
        let name = "\(Self.folder)/\(id).sql"
        let path = log.appending(name)
        try Files.createDirectory(path.removingLastComponent())
        let bytes = try UndoText.write(self)
        try Files.write(bytes, to: path)
        return UndoReceipt(
            record: record, file: name, sha256: SHA256.hash(bytes).hex, statements: statements.count,
            left: left.count)
    }

    /// Takes a script back whose transaction was not committed; where nobody knows, it stays.
    static func discard(beside log: FilePath, id: String, after error: any Error) {
        if (error as? PostgresError)?.outcomeUnknown == true { return }
        try? Files.remove(log.appending("\(folder)/\(id).sql"))
    }

    /// The script of an apply whose end is not in the log, where it left one.
    static func path(ofUnfinished id: String, beside log: FilePath) -> FilePath? {
        let path = log.appending("\(folder)/\(id).sql")
        return Files.exists(path) ? path : nil
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
        guard let file = UndoText.read(bytes) else {
            throw PlainFailure(.malformed, "\(path) is not an undo script that this program can read")
        }
        return file
    }
}

extension UndoFile {
    /// Writes the script, unless nothing was done; where nothing can be undone, it lists what was lost.
    func receipt(_ log: FilePath, _ record: AuditEntry) throws -> UndoReceipt? {
        guard !statements.isEmpty || !left.isEmpty else { return nil }
        return try write(beside: log, record: record.seq, id: record.id)
    }
}
