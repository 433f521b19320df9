import ArgumentParser
import AuditLog
import Console
import Cryptography
import Platform

struct PrintCheckpoint: Command {
    static let configuration = CommandConfiguration.verb(
        "checkpoint", "Print the newest signed checkpoint, to be kept where this host cannot change it.",
        details: "Later, dbaudit verify --from FILE shows that the log still begins with what it said.",
        examples: ["dbaudit checkpoint > /mnt/elsewhere/$(date +%F).checkpoint"])

    @OptionGroup var common: CommonOptions

    func run(_ context: Context) async throws -> any Report {
        let folder = try LogReader(context.state.audit).folder
        let checkpoint = try folder.readCheckpoint()
        guard checkpoint.isSigned(by: try folder.readVerifierKey()) else {
            throw AuditFailure(
                .inconsistent, "the checkpoint is not signed by the key in log.vkey", hint: "run dbaudit verify")
        }
        return CheckpointReport(checkpoint)
    }
}

struct CheckpointReport: Report {
    private let origin: String
    private let size: Int
    private let root: String
    private let checkpoint: String

    init(_ signed: SignedCheckpoint) {
        origin = signed.checkpoint.origin
        size = signed.size
        root = signed.root.hex
        checkpoint = signed.encoded
    }

    /// The note itself: printing adds the line feed that it ends in.
    var text: String { String(checkpoint.dropLast()) }
}
