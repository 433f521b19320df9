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
        ])
}
