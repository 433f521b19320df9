import Glibc
import Platform
import SystemPackage
import Testing

/// Where the package lies, from this file's own place in it.
private let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()

/// What each room may import of ours.
///
/// Imports point one way; what two rooms need moves down.
private let allowed: [String: Set<String>] = [
    "Core/Platform": ["CLinux", "CZstd"],
    "Core/Cryptography": ["Platform", "CLinux", "CSodium", "CLibCrypto", "CLibCrypt"],
    "Core/PostgresClient": ["Platform", "CLibPQ"],
    // Glibc for fsync, ftruncate and getpid alone: whole numbers, no pointers; strict memory safety still holds there.
    "Core/AuditLog": ["Platform", "Cryptography", "Glibc"],
    "Core/AccessPolicy": ["Platform", "Cryptography", "PostgresClient", "AuditLog"],
    "Core/Backups": ["Platform", "Cryptography", "PostgresClient", "AuditLog"],
    "Core/FieldEncryption": ["Platform", "Cryptography", "PostgresClient", "AuditLog"],
    "Core/Credentials": ["Platform", "Cryptography", "PostgresClient", "AuditLog"],
    "Core/Console": ["Platform", "Cryptography", "PostgresClient", "AuditLog"],
    "Tools/dbsec": ["AccessPolicy", "PostgresClient", "AuditLog", "Console", "Platform"],
    "Tools/dbbackup": ["Backups", "PostgresClient", "Cryptography", "AuditLog", "Console", "Platform"],
    "Tools/dbaudit": ["Backups", "PostgresClient", "Cryptography", "AuditLog", "Console", "Platform"],
    "Tools/dbpii": [
        "FieldEncryption", "Backups", "PostgresClient", "Cryptography", "AuditLog", "Console", "Platform",
    ],
    "Tools/dbauth": ["Credentials", "PostgresClient", "Cryptography", "AuditLog", "Console", "Platform"],
]

/// Modules from elsewhere that a safe room may use.
///
/// Foundation with its ICU is in none of them.
private let foreign: Set<String> = [
    "FoundationEssentials", "SystemPackage", "ArgumentParser", "Synchronization", "Swift",
]

/// The three edge modules alone may touch C and child processes.
private let edge: Set<String> = ["Core/Platform", "Core/Cryptography", "Core/PostgresClient"]
private let foreignAtTheEdge: Set<String> = foreign.union(["Glibc", "Dispatch", "Subprocess"])

private func swiftFiles(in folder: FilePath) throws -> [FilePath] {
    try Files.list(folder).flatMap { name -> [FilePath] in
        let path = folder.appending(name)
        if Files.isDirectory(path) { return try swiftFiles(in: path) }
        return name.hasSuffix(".swift") ? [path] : []
    }
}

private func lines(of path: FilePath) throws -> [Substring] {
    String(decoding: try Files.read(path), as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
}

private func imports(of path: FilePath) throws -> [String] {
    try lines(of: path).compactMap { line in
        let words = line.split(separator: " ")
        guard let at = words.firstIndex(of: "import"), at <= 2, !line.hasPrefix("//"), words.count > at + 1 else {
            return nil
        }
        return String(words[at + 1])
    }
}

@Suite struct `The house` {
    @Test(arguments: allowed.keys.sorted()) func `a room imports only what stands below it`(room: String) throws {
        let permitted = (allowed[room] ?? []).union(edge.contains(room) ? foreignAtTheEdge : foreign)
        for file in try swiftFiles(in: root.appending("Sources").appending(room)) {
            for name in try imports(of: file) {
                #expect(permitted.contains(name), "\(file) imports \(name)")
            }
        }
    }

    @Test func `every room is in the table`() throws {
        let rooms = try ["Core", "Tools"].flatMap { storey in
            try Files.list(root.appending("Sources").appending(storey)).map { "\(storey)/\($0)" }
        }
        #expect(rooms.sorted() == allowed.keys.sorted())
    }

    @Test func `no source file is longer than one can hold in the head`() throws {
        for file in try swiftFiles(in: root.appending("Sources")) {
            let count = try lines(of: file).count
            #expect(count <= 420, "\(file) has \(count) lines")
        }
    }

    @Test(arguments: ["dbsec", "dbbackup", "dbaudit", "dbpii", "dbauth"])
    func `no program links the large Foundation or ICU`(program: String) async throws {
        let built = try programs.appending(program)
        let needed = String(decoding: try await Child("objdump", ["-p", built.string]).run(), as: UTF8.self)
        #expect(needed.contains("NEEDED"))
        #expect(!needed.contains("libFoundation.so"))
        #expect(!needed.contains("ICU"))
    }
}

/// The folder of the built programs: this test program lies in it too.
private var programs: FilePath {
    get throws {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        try #require(count > 0)
        return FilePath(platformString: buffer).removingLastComponent()
    }
}
