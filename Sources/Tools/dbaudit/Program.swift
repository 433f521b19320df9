import ArgumentParser
import Console

@main struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration.program(
        "dbaudit", "Read and verify the log of privileged acts.",
        details: """
            Every privileged act of dbsec and dbbackup is a record in a Merkle log whose checkpoints are signed. A log that
            was changed cannot look unchanged to anyone who holds a later checkpoint: keep one somewhere else.
            """,
        verbs: [
            Verify.self, Show.self, PrintCheckpoint.self,
            Search.self, Tail.self, MakeReport.self, IngestLogs.self,
            // What keeps the log, proves records of it, and puts checkpoints elsewhere.
            Anchor.self, Anchors.self, TimestampVerb.self, Prove.self, VerifyProof.self, Consistency.self, Export.self,
            Heartbeat.self, Acknowledge.self, Keys.self, Prune.self, Redact.self,
        ])
}
