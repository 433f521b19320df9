import ArgumentParser
import AuditLog
import Console
import Cryptography
import Platform
import SystemPackage

struct Verify: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Check every record, the tree, the signature, and checkpoints that you kept.",
        details: """
            Without --key the key in the log's own folder is used, which whoever can write there could have replaced: copy
            log.vkey to where you verify. Without --from nothing is excluded that the log's own account could have done.
            """,
        examples: ["dbaudit verify", "dbaudit verify --key log.vkey --from yesterday.checkpoint"])

    @OptionGroup var common: CommonOptions

    @Option(
        help: "A checkpoint kept from an earlier day (dbaudit checkpoint > FILE); may be given again.",
        completion: .file())
    var from: [FilePath] = []

    @Option(help: "The log's public key, or a file that holds it.", completion: .file())
    var key: String?

    @Flag(help: "Put this verification on record too.")
    var record = false

    func run(_ context: Context) async throws -> any Report {
        let reader = try LogReader(context.state.audit)
        let pinned = try key.map { try VerifierKey.named($0) }
        let kept = try from.map { try LogFolder.readCheckpoint($0) }
        let verify = { try reader.verify(key: pinned, kept: kept, progress: context.progress) }
        let folder = context.state.audit
        guard record else { return try VerifyReport(verify(), folder: folder, isPinned: pinned != nil) }
        return try await context.openAudit().recording(.logVerify) { note in
            let verdict = try verify()
            note.facts = ["records": .number(verdict.records), "root": .text(verdict.root.hex)]
            if !verdict.isIntact { note.answerNo("the log is not intact") }
            return VerifyReport(verdict, folder: folder, isPinned: pinned != nil)
        }
    }
}

extension VerifierKey {
    /// Reads a key that is written out, or the file of that name.
    static func named(_ text: String) throws -> VerifierKey {
        if let key = try? VerifierKey(parsing: text) { return key }
        let path = FilePath(text)
        // A key is never a path: the bytes in its base64 would have to be a folder's name.
        guard Files.exists(path) else { return try VerifierKey(parsing: text) }
        return try VerifierKey(parsing: String(decoding: Files.read(path, limit: 4096), as: UTF8.self))
    }
}
