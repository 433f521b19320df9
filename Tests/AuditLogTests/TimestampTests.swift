import AuditLog
import Glibc
import Platform
import SystemPackage
import TestSupport
import Testing

/// Time stamps of an authority that OpenSSL plays, asked over HTTP, and judged by OpenSSL too.
@Suite(.timeLimit(.minutes(3))) struct TimestampTests {
    @Test func `an authority's time stamp is fetched, checked, listed, and nothing else passes for it`() async throws {
        try await withFolder { folder in
            let log = try AuditLog.open(folder.appending("audit"), as: source)
            try log.fill(4)
            let authority = folder.appending("authority")
            let server = try await Program.start(
                "/usr/bin/python3", [Self.script.string, authority.string])
            var url: String?
            for _ in 0..<1200 where url == nil {
                url = (try? Files.read(authority.appending("url"))).map { String(decoding: $0, as: UTF8.self) }
                if url == nil { try await Task.sleep(for: .milliseconds(100)) }
            }
            let ended = await Result { try await judge(log, Tool(state: folder), authority, try #require(url)) }
            server.send(SIGKILL)
            _ = try await server.result()
            try ended.get()
        }
    }

    private func judge(_ log: AuditLog, _ tool: Tool, _ authority: FilePath, _ url: String) async throws {
        let (roots, strangers) = (authority.appending("ca.pem").string, authority.appending("stranger.pem").string)
        let stamped = try await tool.run("timestamp", "--url", url, "--authorities", roots)
        #expect(stamped.status == 0 && stamped.text.contains("the first 5 records were there at"), "\(stamped.text)")
        let (note, answer) = (
            log.folder.path.appending("checkpoint-5.note"), log.folder.path.appending("checkpoint-5.tsr")
        )
        let verified = try await tool.shell(
            "openssl ts -verify -data \"$0\" -in \"$1\" -CAfile \"$2\"", [note.string, answer.string, roots])
        #expect(verified.status == 0 && verified.text.contains("Verification: OK"), "\(verified.text)")
        let listed = try await tool.run("anchors")
        #expect(listed.text.contains("timestamp  \(url): 5 of 6 records"), "\(listed.text)")
        #expect(try await tool.run("timestamp", "--check", answer.string, "--authorities", roots).status == 0)
        let foreign = try await tool.run("timestamp", "--check", answer.string, "--authorities", strangers)
        #expect(foreign.status == 1 || foreign.status == 65, "\(foreign.text)")
        // An answer to another question, and none at all.
        for (path, status) in [("/replay", [1, 65]), ("/broken", [69])] {
            let before = try log.records.count
            let refused = try await tool.run("timestamp", "--url", url + path, "--authorities", roots)
            #expect(status.contains(refused.status), "\(path): \(refused.status) \(refused.text)")
            #expect(try log.records.count == before && !Files.exists(log.folder.path.appending("checkpoint-6.tsr")))
        }
        #expect(try log.verify().isIntact)
    }

    private static let script = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .appending("Interop/authority.py")
}

extension Result where Failure == any Error {
    fileprivate nonisolated(nonsending) init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
