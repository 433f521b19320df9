import ArgumentParser
import Console

@main struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dbbackup",
        abstract: "Encrypted backups of PostgreSQL that are proved to restore to the same content.",
        discussion: """
            A backup is a folder of files in formats of other people's programs: pg_dump's custom format in zstd in age,
            signed with minisign. With age, zstd and pg_restore it can be restored without this program.

            Exit codes: 0 done, 1 the answer is no, 64 usage, 65 malformed input, 66 not found, 69 server or program
            unavailable, 73 cannot create, 74 input/output error, 75 try again, 77 permission denied, 78 configuration,
            130 and 143 stopped by a signal.
            """,
        version: Release.version,
        subcommands: [Init.self, Run.self, List.self, Show.self, Verify.self, Restore.self, Prune.self, Keys.self])
}
