import AuditLog
import Glibc
import Platform
import SystemPackage
import Testing

let source = AuditSource(program: "test", version: "1", environment: ["SUDO_USER": "ann"])

/// Lends a new log in a folder that goes away afterwards.
func withLog<Value>(_ body: (AuditLog) async throws -> Value) async throws -> Value {
    try await withFolder { try await body(AuditLog.open($0.appending("audit"), as: source)) }
}

func withFolder<Value>(_ body: (FilePath) async throws -> Value) async throws -> Value {
    let folder = try Files.makeTemporaryDirectory()
    defer { try? Files.removeTree(folder) }
    return try await body(folder)
}

/// The failure that `body` ends with; the test fails when it succeeds.
func failing(_ body: () async throws -> Void) async throws -> any Failure {
    do {
        try await body()
    } catch {
        return try #require(error as? any Failure)
    }
    return try #require(nil as (any Failure)?)
}

extension AuditLog {
    /// Appends this many records of nothing in particular.
    func fill(_ count: Int) throws {
        for number in 0..<count {
            try append(AuditEvent(.logRead, facts: ["number": .number(number)]))
        }
    }

    var records: [AuditRecord] {
        get throws { try lines().map { try AuditRecord(parsing: Array($0.utf8).span) } }
    }

    /// Of all the log's files.
    var allRecords: [AuditRecord] {
        get throws {
            try folder.segments().flatMap { segment in
                try String(decoding: Files.read(segment.body), as: UTF8.self).split(separator: "\n")
                    .map { try AuditRecord(parsing: Array($0.utf8).span) }
            }
        }
    }

    var names: [String] {
        get throws { try Files.list(folder.path) }
    }

    func verify(key: VerifierKey? = nil, kept: [SignedCheckpoint] = []) throws -> LogVerdict {
        try LogReader(folder.path).verify(key: key, kept: kept)
    }

    /// The lines of the log's file, as they stand there.
    func lines() throws -> [String] {
        String(decoding: try Files.read(folder.log), as: UTF8.self).split(separator: "\n").map { String($0) }
    }

    /// Changes the log's file behind its back.
    func replaceLines(_ change: (inout [String]) -> Void) throws {
        var lines = try lines()
        change(&lines)
        try overwrite(Array(lines.map { $0 + "\n" }.joined().utf8))
    }

    func appendBytes(_ bytes: [UInt8]) throws {
        try overwrite(Files.read(folder.log) + bytes)
    }

    /// In place, as an editor does it that shows bytes: the file stays the same file.
    func overwrite(_ bytes: [UInt8]) throws {
        let file = try FileDescriptor.open(folder.log, .writeOnly, options: .truncate)
        defer { try? file.close() }
        try file.writeAll(bytes)
    }

    /// Puts head, index and checkpoint back as they were, as a power cut can.
    func forgettingAll(_ body: () throws -> Void) throws {
        let index = try Files.read(folder.index)
        try forgetting(body)
        try Files.write(index, to: folder.index)
    }

    /// Puts head and checkpoint back as they were, as a power cut can.
    func forgetting<Value>(_ body: () throws -> Value) throws -> Value {
        let (head, checkpoint) = (try Files.read(folder.head), try Files.read(folder.checkpoint))
        let value = try body()
        try Files.write(head, to: folder.head)
        try Files.write(checkpoint, to: folder.checkpoint)
        return value
    }
}

/// The built dbaudit, which stands beside the tests.
struct Tool {
    let state: FilePath

    struct Ended {
        let status: Int
        /// What it wrote to both of its outputs.
        let text: String
    }

    static var path: String {
        get throws {
            let tests = FilePath("/proc/self/exe")
            return try #require(resolve(tests)?.removingLastComponent().appending("dbaudit").string)
        }
    }

    func run(_ arguments: String..., environment: [String: String?] = [:]) async throws -> Ended {
        try await shell("\"$0\" \"$@\"", [Tool.path] + arguments, environment: environment)
    }

    /// Runs a line of shell to its end, whatever that is.
    func shell(
        _ line: String, _ arguments: [String], environment: [String: String?] = [:]
    ) async throws -> Ended {
        let variables: [String: String?] = ["DBSEC_STATE": state.string, "DBSEC_CONFIG": nil]
        let output = try await Child(
            "/bin/sh", ["-c", "(\(line)) 2>&1; echo \"status $?\""] + arguments,
            environment: variables.merging(environment) { $1 }
        ).run()
        let text = String(decoding: output, as: UTF8.self)
        let (body, status) = try #require(text.lastSplit(at: "status "))
        return Ended(status: try #require(Int(status.dropLast())), text: body)
    }

    private static func resolve(_ link: FilePath) -> FilePath? {
        guard let path = realpath(link.string, nil) else { return nil }
        defer { free(path) }
        return FilePath(String(cString: path))
    }
}

extension String {
    fileprivate func lastSplit(at separator: String) -> (String, String)? {
        guard let range = ranges(of: separator).last else { return nil }
        return (String(self[..<range.lowerBound]), String(self[range.upperBound...]))
    }
}

extension LogFolder {
    /// The only file of a log that is short.
    var log: FilePath { segment(0).body }
}
