import ArgumentParser
import AuditLog
import Console
import Cryptography
import FieldEncryption
import Platform
import PostgresClient

extension Column {
    struct Backfill: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Encrypt what is not encrypted yet, in short batches beside the application.",
            details: """
                A value is written only if its row is still the one that was read. Each batch and its checkpoint are one
                transaction: a run that was killed goes on where it was. At the end every value is read back and compared, unless
                --no-verify is said. Exits with 1 while rows are left.
                """,
            examples: [
                "dbpii column backfill -d app --table users --column phone",
                "dbpii column backfill -d app --table users --column phone --batch-time 50 --max-lag 16",
            ])

        @OptionGroup var common: CommonOptions
        @OptionGroup var server: ServerOptions
        @OptionGroup var place: KeyringOptions
        @OptionGroup var target: ColumnOptions
        @OptionGroup var pace: PaceOptions

        @Flag(inversion: .prefixedNo, help: "Read everything back and compare.")
        var verify = true

        @Flag(help: "Only say how many rows there are to encrypt.")
        var dryRun = false

        func run(_ context: Context) async throws -> any Report {
            let (connection, keyring, declaration) = try await context.column(target, server, place)
            let jobs = ColumnJobs(connection, keyring, options: try pace.job(context), progress: context.progress)
            if dryRun {
                let left = try await jobs.expected(.backfill, of: declaration)
                return report(declaration, JobResult(left: left), nil)
            }
            let about = try await context.target(declaration, connection)
            return try await context.openAudit().recording(.columnBackfill, target: about) { note in
                var result = try await jobs.backfill(declaration)
                note.tell(result, declaration, key: keyring.active?.id)
                guard verify, result.left == 0 else {
                    return report(declaration, result, "run it again for the rows that are left")
                }
                let began = context.now()
                let verdict = try await ColumnVerify(connection, keyring, progress: context.progress)
                    .run(declaration, allowsOldKeys: true)
                result.seconds += context.now().seconds(since: began)
                // Plaintext that arrived since is for the next run, not an error of this one.
                let wrong = verdict.counts.filter { $0.key != .plaintext && $0.key != .differs }
                guard wrong.isEmpty else {
                    note.answerNo("verification failed")
                    return VerifyReport([VerifiedColumn(declaration, verdict)])
                }
                return report(
                    declaration, result,
                    "verified \(Words.plural(verdict.values, "value")); next: dbpii column gate, once the application writes both"
                )
            }
        }

        private func report(_ column: ColumnDeclaration, _ result: JobResult, _ next: String?) -> JobReport {
            JobReport(
                column: column.name, phase: column.phase.rawValue, job: "encrypt", dryRun: dryRun, result: result,
                next: next)
        }
    }

    struct Rotate: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Encrypt anew, with the active key, what is under an older one.",
            details: """
                Online as backfill is, index values included; searches for all values that FieldCipher gives find every row meanwhile.
                Afterwards dbpii verify shows that nothing is under the old key, and dbpii keys destroy may end it.
                """,
            examples: ["dbpii column rotate -d app --table users --column phone"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var server: ServerOptions
        @OptionGroup var place: KeyringOptions
        @OptionGroup var target: ColumnOptions
        @OptionGroup var pace: PaceOptions

        @Flag(help: "Only say how many rows are under an older key.")
        var dryRun = false

        func run(_ context: Context) async throws -> any Report {
            let (connection, keyring, declaration) = try await context.column(target, server, place)
            let jobs = ColumnJobs(connection, keyring, options: try pace.job(context), progress: context.progress)
            if dryRun {
                return report(declaration, JobResult(left: try await jobs.expected(.rotate, of: declaration)), nil)
            }
            let about = try await context.target(declaration, connection)
            return try await context.openAudit().recording(.columnRotate, target: about) { note in
                let result = try await jobs.rotate(declaration)
                note.tell(result, declaration, key: keyring.active?.id)
                return report(declaration, result, result.left == 0 ? "next: dbpii verify" : nil)
            }
        }

        private func report(_ column: ColumnDeclaration, _ result: JobResult, _ next: String?) -> JobReport {
            JobReport(
                column: column.name, phase: column.phase.rawValue, job: "encrypt anew", dryRun: dryRun,
                result: result, next: next)
        }
    }

    struct Reindex: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Add or drop a blind index, or fill in the values that one lacks.",
            details:
                "To change an index, add one under another name, let the application write both, and drop the old one.",
            examples: [
                "dbpii column reindex -d app --table users --column phone --index last4:digits,last4:12",
                "dbpii column reindex -d app --table users --column phone --drop-index exact",
            ])

        @OptionGroup var common: CommonOptions
        @OptionGroup var server: ServerOptions
        @OptionGroup var place: KeyringOptions
        @OptionGroup var target: ColumnOptions
        @OptionGroup var pace: PaceOptions

        @Option(name: .customLong("index"), help: "A blind index to add, as NAME:TRANSFORM,...:BITS.")
        var index: String?

        @Option(name: .customLong("unique-index"), help: "One of full length that is unique.")
        var uniqueIndex: String?

        @Option(help: "The name of a blind index to drop, with its column.")
        var dropIndex: String?

        @Flag(help: "Only say how many rows lack a value.")
        var dryRun = false

        func run(_ context: Context) async throws -> any Report {
            let (connection, keyring, found) = try await context.column(target, server, place)
            let jobs = ColumnJobs(connection, keyring, options: try pace.job(context), progress: context.progress)
            var added: [IndexDeclaration] = []
            if let index { added.append(try IndexDeclaration(index, of: found.column)) }
            if let uniqueIndex { added.append(try IndexDeclaration(uniqueIndex, of: found.column, isUnique: true)) }
            if dryRun {
                let left = found.indexes.isEmpty ? 0 : try await jobs.expected(.reindex, of: found)
                return report(found, JobResult(left: left))
            }
            let about = try await context.target(found, connection)
            return try await context.openAudit().recording(.columnReindex, target: about) { note in
                var declaration = found
                if let dropIndex { declaration = try await jobs.drop(index: dropIndex, of: declaration) }
                for index in added { declaration = try await jobs.add(index, to: declaration) }
                let result =
                    declaration.indexes.isEmpty ? JobResult() : try await jobs.reindex(declaration)
                note.tell(result, declaration, key: keyring.active?.id)
                return report(declaration, result)
            }
        }

        private func report(_ column: ColumnDeclaration, _ result: JobResult) -> JobReport {
            JobReport(
                column: column.name, phase: column.phase.rawValue, job: "index", dryRun: dryRun, result: result,
                next: nil)
        }
    }
}
