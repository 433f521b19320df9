import ArgumentParser
import AuditLog
import Console
import FieldEncryption
import Platform
import PostgresClient

extension Column {
    struct Finish: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Let the twin count: a constraint first, and with --drop-plaintext the end of the plaintext column.",
            details: """
                The constraint refuses rows with plaintext and no ciphertext; then the application may stop writing the plaintext.
                Before the drop every value is decrypted once more, and what depends on the column must be gone. The drop does not
                overwrite what is on disk: see dbpii residue.
                """,
            examples: [
                "dbpii column finish -d app --table users --column phone",
                "dbpii column finish -d app --table users --column phone --drop-plaintext --dry-run",
                "dbpii column finish -d app --table users --column phone --drop-plaintext",
            ])

        @OptionGroup var common: CommonOptions
        @OptionGroup var server: ServerOptions
        @OptionGroup var place: KeyringOptions
        @OptionGroup var target: ColumnOptions

        @Flag(help: "Drop the plaintext column, which cannot be undone.")
        var dropPlaintext = false

        @Flag(help: "Only print the statements.")
        var dryRun = false

        func run(_ context: Context) async throws -> any Report {
            let (connection, keyring, declaration) = try await context.column(target, server, place)
            let finish = ColumnFinish(connection)
            if dryRun {
                let statements = try finish.statements(declaration, dropping: dropPlaintext)
                return StepReport(column: declaration.name, statements: statements, done: nil)
            }
            let about = try await context.target(declaration, connection)
            return try await context.openAudit().recording(.columnFinish, target: about) { note in
                note.facts = ["context": .text(declaration.context), "step": dropPlaintext ? "drop" : "check"]
                guard dropPlaintext else {
                    try await finish.check(declaration)
                    return StepReport(
                        column: declaration.name, statements: [],
                        done:
                            "the twin counts now; next: an application that writes only the twin, then --drop-plaintext"
                    )
                }
                let verdict = try await ColumnVerify(connection, keyring, progress: context.progress)
                    .run(declaration, allowsOldKeys: true)
                guard verdict.isGood else {
                    note.answerNo("verification failed")
                    return VerifyReport([VerifiedColumn(declaration, verdict)])
                }
                try await finish.drop(declaration)
                return StepReport(
                    column: declaration.name, statements: [],
                    done: """
                        \(Words.plural(verdict.values, "value")) decrypt; the plaintext column is dropped. On disk, in WAL and in \
                        old backups it is there still: dbpii residue
                        """)
            }
        }
    }

    struct Revert: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Go back to plaintext, from every phase.",
            details: """
                Where the plaintext no longer counts, it is written again from the ciphertext, into the old column or a new one of
                its type. When the application reads and writes plaintext again, --drop-twin takes away all that start made.
                """,
            examples: [
                "dbpii column revert -d app --table users --column phone",
                "dbpii column revert -d app --table users --column phone --drop-twin",
            ])

        @OptionGroup var common: CommonOptions
        @OptionGroup var server: ServerOptions
        @OptionGroup var place: KeyringOptions
        @OptionGroup var target: ColumnOptions
        @OptionGroup var pace: PaceOptions

        @Flag(help: "Drop the twin, its indexes and triggers.")
        var dropTwin = false

        @Flag(help: "Only say what would be done.")
        var dryRun = false

        func run(_ context: Context) async throws -> any Report {
            let (connection, keyring, declaration) = try await context.column(target, server, place)
            let revert = ColumnRevert(connection)
            if dryRun {
                return StepReport(
                    column: declaration.name, statements: dropTwin ? try revert.statements(declaration) : [],
                    done: dropTwin
                        ? nil : "the plaintext would be written from the ciphertext where it does not count any more")
            }
            let about = try await context.target(declaration, connection)
            return try await context.openAudit().recording(.columnRevert, target: about) { note in
                note.facts["context"] = .text(declaration.context)
                if dropTwin {
                    try await revert.end(declaration)
                    return StepReport(
                        column: declaration.name, statements: [], done: "plaintext again, and nothing else")
                }
                guard let reverting = try await revert.begin(declaration) else {
                    return StepReport(
                        column: declaration.name, statements: [],
                        done: "the plaintext still counts, nothing has to be written; --drop-twin takes the twin away")
                }
                let jobs = ColumnJobs(connection, keyring, options: try pace.job(context), progress: context.progress)
                let result = try await jobs.restorePlaintext(reverting, comparingAll: true)
                note.tell(result, reverting, key: nil)
                return JobReport(
                    column: declaration.name, phase: reverting.phase.rawValue, job: "decrypt", dryRun: false,
                    result: result, next: "next: an application that reads and writes plaintext, then --drop-twin")
            }
        }
    }
}

/// A step that runs statements: what it did, or would.
private struct StepReport: Report {
    let column: String
    let statements: [String]
    let done: String?

    var text: String {
        let lines = statements.map { "\($0.split(whereSeparator: \.isNewline).joined(separator: " "));" }
        return (lines + [done.map { "\(column): \($0)" }].compactMap(\.self)).joined(separator: "\n")
    }
}
