import Cryptography
import Platform
import SystemPackage
import Testing

@testable import Backups

@Suite struct RepositoryTests {
    /// A repository in a folder that is removed afterwards.
    private func withRepository(_ body: (Repository) throws -> Void) throws {
        let folder = try Files.makeTemporaryDirectory(prefix: "repository")
        defer { try? Files.removeTree(folder) }
        try body(Repository(folder))
    }

    private func put(_ label: String, of cluster: String = "main", in repository: Repository, signed: Bool = true)
        throws
    {
        let folder = repository.folder(of: cluster).appending(label)
        try Files.createDirectory(folder)
        try Files.write(Array("{}".utf8), to: folder.appending(Manifest.fileName))
        if signed { try Files.write(Array("signature".utf8), to: folder.appending(Manifest.signatureFileName)) }
    }

    @Test func `only folders with a signature are backups, oldest first`() throws {
        try withRepository { repository in
            try put("20261123T205012Z", in: repository)
            try put("20261123T205011Z", in: repository)
            try put("20261124T000000Z", in: repository, signed: false)
            try put("not-a-label", in: repository)
            #expect(try repository.backups(of: "main").map(\.label) == ["20261123T205011Z", "20261123T205012Z"])
            #expect(
                try repository.leftovers(of: "main").compactMap(\.folder.lastComponent?.string) == ["20261124T000000Z"])
        }
    }

    @Test func `a repository that is not there has no backups`() throws {
        #expect(try Repository("/nonexistent/repository").backups().isEmpty)
    }

    @Test func `a backup is named by label, by cluster and label, or as the latest`() throws {
        try withRepository { repository in
            try put("20261123T205011Z", in: repository)
            try put("20261123T205012Z", in: repository)
            try put("20261123T205011Z", of: "15/main", in: repository)
            #expect(try repository.backup(named: "20261123T205012Z").name == "main/20261123T205012Z")
            #expect(try repository.backup(named: "main/latest").label == "20261123T205012Z")
            #expect(try repository.backup(named: "latest", cluster: "main").label == "20261123T205012Z")
            #expect(try repository.backup(named: "15/main/20261123T205011Z").cluster == "15/main")
            let twice = #expect(throws: PlainFailure.self) { try repository.backup(named: "20261123T205011Z") }
            #expect(twice?.sentence.contains("fits 15/main/20261123T205011Z, main/20261123T205011Z") == true)
            let missing = #expect(throws: PlainFailure.self) { try repository.backup(named: "20200101T000000Z") }
            #expect(missing?.status == .inputMissing)
        }
    }

    @Test(arguments: ["../../etc", "..", "latest/../..", "20261123T205011Z/..", ""])
    func `a name cannot lead out of the repository`(name: String) throws {
        try withRepository { repository in
            try put("20261123T205011Z", in: repository)
            #expect(throws: PlainFailure.self) { try repository.backup(named: name) }
        }
    }

    @Test func `file names keep what is plain and escape the rest`() {
        #expect(FileName.encode("app_1-a.b") == "app_1-a.b")
        #expect(FileName.encode("..") == "%2E.")
        #expect(FileName.encode("a/b c\n") == "a%2Fb%20c%0A")
        #expect(FileName.encode("50%") == "50%25")
        #expect(FileName.encode("é") == "%C3%A9")
        #expect(FileName.dump(of: "App") == "App.dump.zst.age")
    }

    @Test(arguments: ["app", "", ".", "..", "a/b", "a%2Fb", "%", "é", "\u{0}\u{1F}", "globals.sql", "-rf", "a.b"])
    func `a file name gives the name back`(name: String) {
        #expect(FileName.decode(FileName.encode(name)) == name)
    }

    @Test(arguments: ["%2f", "%", "%2", "%41", "a b", "é", "%C3"])
    func `a file name that is not ours is none`(text: String) {
        #expect(FileName.decode(text) == nil)
    }

    @Test func `a manifest survives its own bytes and refuses another form`() throws {
        let manifest = Manifest(
            label: "20261123T205011Z", run: "00ff", cluster: "main", systemIdentifier: "7", serverVersion: "15.18",
            serverVersionNumber: 150_018, programs: [:], started: Timestamp(seconds: 1),
            finished: Timestamp(seconds: 3),
            databases: [.init(name: "app", oid: 16384, snapshot: Timestamp(seconds: 2))],
            files: [
                .init(
                    name: "app.dump.zst.age", role: .dump, database: "app", size: 10, sha256: SHA256.hash([1]),
                    contentSize: 20)
            ], recipients: ["age1"], producerKey: "AA", auditCheckpoint: nil, trust: .sameHost, notCovered: [])
        let bytes = try manifest.encoded()
        #expect(try Manifest(reading: bytes, named: "m") == manifest)
        var other = manifest
        other.schema = 2
        let failure = #expect(throws: PlainFailure.self) { try Manifest(reading: other.encoded(), named: "m") }
        #expect(failure?.status == .malformed)
        #expect(throws: PlainFailure.self) { try Manifest(reading: Array(bytes.dropLast(9)), named: "m") }
    }
}
