import Platform
package import SystemPackage

/// Runs `body` with a folder of its own, which is gone afterwards.
package func withTemporaryFolder<Value>(
    isolation: isolated (any Actor)? = #isolation, _ body: (FilePath) async throws -> Value
) async throws -> Value {
    let folder = try Files.makeTemporaryDirectory(prefix: "dbsec-test")
    defer { try? Files.removeTree(folder) }
    return try await body(folder)
}
