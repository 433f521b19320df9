import AuditLog
import Platform
import SystemPackage

let source = AuditSource(program: "test", version: "1", environment: ["SUDO_USER": "ann"])

/// Lends a new log in a folder that goes away afterwards.
func withLog<Value>(_ body: (AuditLog) throws -> Value) throws -> Value {
    try withFolder { try body(AuditLog.open($0.appending("audit"), as: source)) }
}

func withLog<Value>(_ body: (AuditLog) async throws -> Value) async throws -> Value {
    let folder = try Files.makeTemporaryDirectory()
    defer { try? Files.removeTree(folder) }
    return try await body(AuditLog.open(folder.appending("audit"), as: source))
}

func withFolder<Value>(_ body: (FilePath) throws -> Value) throws -> Value {
    let folder = try Files.makeTemporaryDirectory()
    defer { try? Files.removeTree(folder) }
    return try body(folder)
}

extension AuditLog {
    /// The lines of the log's file, as they stand there.
    func lines() throws -> [String] {
        String(decoding: try Files.read(folder.log), as: UTF8.self).split(separator: "\n").map { String($0) }
    }

    /// Changes the log's file behind its back.
    func replaceLines(_ change: (inout [String]) -> Void) throws {
        var lines = try lines()
        change(&lines)
        try write(lines.map { $0 + "\n" }.joined())
    }

    func write(_ text: String) throws {
        try write(Array(text.utf8))
    }

    /// In place, as an editor with a hexadecimal view does it: the file stays the same file.
    func write(_ bytes: [UInt8]) throws {
        let file = try FileDescriptor.open(folder.log, .writeOnly, options: .truncate)
        defer { try? file.close() }
        try file.writeAll(bytes)
    }

    func appendBytes(_ bytes: [UInt8]) throws {
        try write(Files.read(folder.log) + bytes)
    }
}
