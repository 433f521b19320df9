import ArgumentParser
import Console

@main struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dbaudit",
        abstract: "Read and verify the log of privileged acts.",
        discussion: """
            Every privileged act of dbsec and dbbackup is a record in a Merkle log whose checkpoints are signed. A log that
            was changed cannot look unchanged to anyone who holds a later checkpoint: keep one somewhere else.

            Exit codes: 0 intact, 1 not intact, 64 usage, 65 malformed input, 66 no log, 74 input/output error,
            77 permission denied, 78 configuration.
            """,
        version: Release.version,
        subcommands: [Verify.self, Show.self, PrintCheckpoint.self])
}
