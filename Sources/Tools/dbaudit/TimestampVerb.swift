import ArgumentParser
import AuditLog
import Console
import Cryptography
import Platform
import SystemPackage

struct TimestampVerb: Command {
    static let configuration = CommandConfiguration.verb(
        "timestamp", "Have an authority elsewhere say that it has seen the newest checkpoint (RFC 3161).",
        details: """
            The answer stands beside the log as checkpoint-SIZE.tsr, with the checkpoint it is for; openssl ts -verify checks it.
            --command names a program that takes the query on standard input and prints the answer; --url sends it with curl.
            """,
        examples: [
            "dbaudit timestamp --url https://freetsa.org/tsr --authorities cacert.pem",
            "dbaudit timestamp --command /usr/local/bin/our-tsa", "dbaudit timestamp --check checkpoint-42.tsr",
        ])

    @OptionGroup var common: CommonOptions

    @Option(help: "The authority's address.")
    var url: String?

    @Option(help: "A program that answers queries.", completion: .file())
    var command: String?

    @Option(help: "Certificates in PEM that the answer must be signed under.", completion: .file())
    var authorities: FilePath?

    @Option(help: "Ask nobody, and check an answer that is here, with its checkpoint beside it.", completion: .file())
    var check: FilePath?

    func validate() throws {
        guard [url != nil, command != nil, check != nil].filter(\.self).count == 1 else {
            throw ValidationError("say --url, --command or --check")
        }
        if let url, !url.hasPrefix("https://"), !url.hasPrefix("http://") {
            throw ValidationError("--url begins with https:// or http://")
        }
    }

    func run(_ context: Context) async throws -> any Report {
        if let check { return try checked(check.absolute) }
        let audit = try context.openAudit()
        let bytes = try Files.read(audit.folder.checkpoint, limit: 1 << 20)
        let checkpoint = try SignedCheckpoint(parsing: bytes)
        let digest = SHA256.hash(bytes)
        let query = try TrustedTimestamp.Query(for: digest)
        let answer = try await ask(query.bytes)
        let time = try TrustedTimestamp.time(of: answer, for: digest, nonce: query.nonce, authorities: authorities)
        let name = "checkpoint-\(checkpoint.size)"
        try Files.write(bytes, to: audit.folder.path.appending("\(name).note"))
        try Files.write(answer, to: audit.folder.path.appending("\(name).tsr"))
        try audit.append(
            AuditEvent(
                .logAnchor, outcome: .success,
                facts: [
                    "kind": "timestamp", "to": .text(url ?? command ?? ""), "size": .number(checkpoint.size),
                    "root": .text(checkpoint.root.hex), "stampedAt": .text(time.description),
                    "tsr_sha256": .text(SHA256.hash(answer).hex),
                ]))
        return TimestampReport(
            time: time, size: checkpoint.size, file: "\(name).tsr", signatureChecked: authorities != nil)
    }

    private func ask(_ query: [UInt8]) async throws -> [UInt8] {
        if let command { return try await Child(FilePath(command), []).run(input: query, limit: 1 << 20) }
        return try await Child(
            "curl",
            [
                "--silent", "--show-error", "--fail", "--location", "--proto", "=https,http", "--max-time", "60",
                "--header", "Content-Type: application/timestamp-query", "--data-binary", "@-", "--", url ?? "",
            ]
        ).run(input: query, limit: 1 << 20)
    }

    private func checked(_ answer: FilePath) throws -> TimestampReport {
        let note = answer.removingLastComponent().appending("\(answer.stem ?? "").note")
        let bytes = try Files.read(note, limit: 1 << 20)
        let time = try TrustedTimestamp.time(
            of: Files.read(answer, limit: 1 << 20), for: SHA256.hash(bytes), authorities: authorities)
        return TimestampReport(
            time: time, size: try SignedCheckpoint(parsing: bytes).size, file: answer.lastComponent?.string ?? "",
            signatureChecked: authorities != nil)
    }
}

struct TimestampReport: Report {
    let time: Timestamp
    let size: Int
    let file: String
    let signatureChecked: Bool

    var text: String {
        "the first \(Words.plural(size, "record")) were there at \(time.brief), says \(Plain.line(file))"
            + (signatureChecked ? "" : " (its signature was not checked: --authorities)")
    }
}
