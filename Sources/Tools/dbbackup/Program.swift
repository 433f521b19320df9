import ArgumentParser
import Console

@main struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration.program(
        "dbbackup", "Encrypted backups of PostgreSQL that are proved to restore to the same content.",
        details: """
            A backup is a folder of files in formats of other people's programs: pg_dump's custom format in zstd in age,
            signed with minisign. With age, zstd and pg_restore it can be restored without this program.
            """,
        verbs: [
            Init.self, Run.self, List.self, Show.self, Verify.self, Restore.self, Diff.self, Cat.self, Check.self,
            Prune.self, Copy.self, HoldBackup.self, Keys.self,
        ])
}
