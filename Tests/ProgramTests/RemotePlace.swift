import FoundationEssentials
import Glibc
import Platform
import SystemPackage
import TestSupport

/// A place that rclone reaches: real servers on loopback, each with nothing in it.
enum RemotePlace: String, CaseIterable {
    case folder, webdav, sftp, s3

    /// Starts the server, runs `body` with the name of the place and what rclone's configuration is, and stops it.
    func serving<Value>(
        _ folder: FilePath, _ body: (_ name: String, _ environment: [String: String?]) async throws -> Value
    ) async throws -> Value {
        try Files.createDirectory(folder)
        let port = Int.random(in: 20_000...60_000)
        switch self {
        case .folder:
            return try await body(folder.string, [:])
        case .webdav:
            let client = ["TYPE": "webdav", "URL": "http://127.0.0.1:\(port)"]
            return try await run(
                "/usr/bin/rclone", ["serve", "webdav", "--addr", "127.0.0.1:\(port)", folder.string], client, body)
        case .sftp:
            let obscured = try await Program.run("/usr/bin/rclone", ["obscure", "secret"]).stdout
            let client = [
                "TYPE": "sftp", "HOST": "127.0.0.1", "PORT": "\(port)", "USER": "keeper",
                "PASS": obscured.filter { !$0.isNewline }, "SHELL_TYPE": "none",
            ]
            return try await run(
                "/usr/bin/rclone",
                [
                    "serve", "sftp", "--addr", "127.0.0.1:\(port)", "--user", "keeper", "--pass", "secret",
                    folder.string,
                ], client, body)
        case .s3:
            let client = [
                "TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": "http://127.0.0.1:\(port)", "ACCESS_KEY_ID": "key",
                "SECRET_ACCESS_KEY": "secret",
            ]
            return try await run(
                "/usr/bin/env", ["python3", "-m", "moto.server", "-H", "127.0.0.1", "-p", "\(port)"], client, body)
        }
    }

    private func run<Value>(
        _ program: String, _ arguments: [String], _ client: [String: String],
        _ body: (String, [String: String?]) async throws -> Value
    ) async throws -> Value {
        let remote = "place\(UInt32.random(in: .min ... .max))"
        var environment: [String: String?] = [
            "RCLONE_CONFIG": "/dev/null", "PYTHONPATH": Self.s3Folder, "AWS_CA_BUNDLE": nil,
        ]
        for (key, value) in client { environment["RCLONE_CONFIG_\(remote.uppercased())_\(key)"] = value }
        let server = try await Program.start(program, arguments, environment: environment)
        do {
            let name = "\(remote):\(self == .s3 ? "bucket/" : "")pg"
            try await waitUntilServed("\(remote):\(self == .s3 ? "bucket" : "")", environment)
            let value = try await body(name, environment)
            server.send(SIGKILL)
            _ = try await server.result()
            return value
        } catch {
            server.send(SIGKILL)
            _ = try? await server.result()
            throw error
        }
    }

    private func waitUntilServed(_ name: String, _ environment: [String: String?]) async throws {
        for _ in 0..<100 {
            let made = try await Program.run(
                "/usr/bin/rclone", ["mkdir", "--retries=1", "--low-level-retries=1", name], environment: environment)
            if made.status == 0 { return }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw PlainFailure(.unavailable, "the server for \(self) does not answer")
    }

    /// What `scripts/fetch-s3` installs.
    private static let s3Folder =
        ProcessInfo.processInfo.environment["DBSEC_S3"] ?? FileManager.default.currentDirectoryPath + "/.build-s3"
}
