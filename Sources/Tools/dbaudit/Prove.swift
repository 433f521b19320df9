import ArgumentParser
import AuditLog
import Console
import Cryptography
import Platform
import SystemPackage

struct Prove: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Write the proof that one record is in the log, for somebody who does not have the log.",
        details: """
            A file of C2SP tlog-proof: the record, its place, the hashes that lead to the root, and the signed checkpoint.
            dbaudit verify-proof checks it with the log's public key alone, and so does any program that knows the format.
            """,
        examples: ["dbaudit prove 17 > 17.tlog-proof", "dbaudit prove 17 --under friday.checkpoint > 17.tlog-proof"])

    @OptionGroup var common: CommonOptions

    @Argument(help: "The record's number.")
    var number: Int

    @Option(help: "A checkpoint that covers it (default: the newest).", completion: .file())
    var under: FilePath?

    @Flag(help: "Leave the record out, for whoever has it and is not to see it here.")
    var bare = false

    func run(_ context: Context) async throws -> any Report {
        let kept = try under.map { try LogFolder.readCheckpoint($0) }
        return ProofReport(try LogReader(context.state.audit).prove(number, under: kept), bare: bare)
    }
}

struct ProofReport: Report {
    let index: Int
    let size: Int
    let proof: String

    init(_ proof: InclusionProof, bare: Bool) {
        index = proof.number
        size = proof.checkpoint.size
        self.proof =
            bare
            ? InclusionProof(number: proof.number, hashes: proof.hashes, checkpoint: proof.checkpoint, extra: nil)
                .encoded
            : proof.encoded
    }

    /// The file itself: printing adds the line feed that it ends in.
    var text: String { String(proof.dropLast()) }
}

struct VerifyProof: Command {
    static let configuration = CommandConfiguration.verb(
        "verify-proof", "Check a proof that a record is in a log, with the log's public key and nothing else.",
        examples: [
            "dbaudit verify-proof 17.tlog-proof --key db1.vkey",
            "dbaudit verify-proof 17.tlog-proof --key db1.vkey --record-file 17.json",
        ])

    @OptionGroup var common: CommonOptions

    @Argument(help: "The file with the proof.", completion: .file())
    var file: FilePath

    @Option(help: "The log's public key, or a file that holds it.", completion: .file())
    var key: String

    @Option(help: "The record's line, where the proof does not hold it.", completion: .file())
    var recordFile: FilePath?

    func run(_ context: Context) async throws -> any Report {
        let proof = try InclusionProof(parsing: Files.read(file, limit: 1 << 20))
        let verifier = try VerifierKey.named(key)
        var line = try recordFile.map { try Files.read($0, limit: 1 << 20) } ?? proof.extra
        if recordFile != nil, line?.last == 0x0A { line?.removeLast() }
        guard let line else {
            throw PlainFailure(.usage, "the proof does not hold the record", hint: "name it with --record-file")
        }
        let holds = proof.proves(line.span, by: verifier)
        return VerifyProofReport(
            holds: holds, signed: proof.checkpoint.isSigned(by: verifier), index: proof.number,
            size: proof.checkpoint.size, origin: proof.checkpoint.checkpoint.origin,
            record: holds ? String(decoding: line, as: UTF8.self) : nil)
    }
}

struct VerifyProofReport: Report {
    let holds: Bool
    let signed: Bool
    let index: Int
    let size: Int
    let origin: String
    let record: String?

    var status: ExitStatus { holds ? .success : .negative }

    var text: String {
        guard holds else {
            return signed
                ? "NOT PROVED: this record is not record \(index) of the log \(Plain.line(origin))"
                : "NOT PROVED: the checkpoint is not signed by this key"
        }
        return "proved: record \(index) of the \(Words.count(size)) in the log \(Plain.line(origin))\n"
            + Plain.line(record ?? "")
    }
}

struct Consistency: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Prove that the log of one checkpoint is the beginning of another's.",
        details:
            "Prints the proof as C2SP tlog-witness takes it. Both checkpoints must be signed by the same log's key.",
        examples: ["dbaudit consistency monday.checkpoint friday.checkpoint"])

    @OptionGroup var common: CommonOptions

    @Argument(help: "The older checkpoint.", completion: .file())
    var old: FilePath

    @Argument(help: "The newer one (default: the newest).", completion: .file())
    var new: FilePath?

    func run(_ context: Context) async throws -> any Report {
        let reader = try LogReader(context.state.audit)
        let older = try LogFolder.readCheckpoint(old)
        let newer = try new.map { try LogFolder.readCheckpoint($0) } ?? reader.folder.readCheckpoint()
        return ConsistencyReport(try reader.consistency(from: older, to: newer))
    }
}

struct ConsistencyReport: Report {
    let consistent: Bool
    let oldSize: Int
    let newSize: Int
    let proof: String

    init(_ proof: ConsistencyProof) {
        consistent = proof.holds
        oldSize = proof.old.size
        newSize = proof.new.size
        self.proof = proof.encoded
    }

    var status: ExitStatus { consistent ? .success : .negative }

    var text: String {
        consistent
            ? String(proof.dropLast())
            : "NOT CONSISTENT: the log of \(Words.plural(oldSize, "record")) is not the beginning of that of "
                + "\(Words.count(newSize)): keep both checkpoints, together they show it"
    }
}

struct Export: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Write the log as C2SP tlog-tiles, for any client of that format.",
        examples: ["dbaudit export --tiles /srv/www/audit"])

    @OptionGroup var common: CommonOptions

    @Option(help: "The folder for the tiles: one that is not there, or empty.", completion: .directory)
    var tiles: FilePath

    func run(_ context: Context) async throws -> any Report {
        let folder = tiles.absolute
        guard try !Files.exists(folder) || Files.list(folder).isEmpty else {
            throw PlainFailure(.cannotCreate, "\(folder) is not empty", hint: "name a folder that is not there yet")
        }
        try Files.createDirectory(folder)
        let reader = try LogReader(context.state.audit)
        let count = try reader.exportTiles(to: folder, progress: context.progress)
        return ExportReport(files: count, records: try LogFolder.readCheckpoint(folder.appending("checkpoint")).size)
    }
}

struct ExportReport: Report {
    let files: Int
    let records: Int
    var text: String { "wrote \(Words.plural(records, "record")) as \(Words.plural(files, "file"))" }
}
