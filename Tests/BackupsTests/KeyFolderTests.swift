import AuditLog
import Cryptography
import Platform
import SystemPackage
import TestSupport
import Testing

@testable import Backups

@Suite struct KeyFolderTests {
    private func initialise(
        _ folder: FilePath, recipients: [AgeRecipient] = [], keepsIdentity: Bool = false
    ) async throws -> (keys: KeyFolder, made: Initialisation.Made) {
        let keys = KeyFolder(folder.appending("keys"))
        let audit = try AuditLog.open(
            folder.appending("audit"), as: AuditSource(program: "tests", version: "0", environment: [:]))
        let made = try await Initialisation(
            keys: keys, repository: Repository(folder.appending("backups")), audit: audit
        ).make(recipients: recipients, keepsIdentity: keepsIdentity)
        return (keys, made)
    }

    @Test func `a new identity is handed out and not kept, and must be shown once`() async throws {
        try await withTemporaryFolder { folder in
            let (keys, made) = try await initialise(folder)
            let identity = try #require(made.identity)
            #expect(!keys.holdsIdentity)
            #expect(try keys.recipients() == [identity.recipient])
            #expect(throws: PlainFailure.self) { try keys.requireReader() }
            let stranger = #expect(throws: PlainFailure.self) { try keys.confirm([AgeIdentity.generate()]) }
            #expect(stranger?.status == .negative)
            #expect(throws: PlainFailure.self) { try keys.requireReader() }
            _ = try keys.confirm([identity])
            try keys.requireReader()
        }
    }

    @Test func `a recipient that was given counts as held elsewhere`() async throws {
        try await withTemporaryFolder { folder in
            let recipient = try #require(AgeIdentity.generate().recipient)
            let (keys, made) = try await initialise(folder, recipients: [recipient])
            #expect(made.identity == nil)
            #expect(try keys.recipients() == [recipient])
            try keys.requireReader()
        }
    }

    @Test func `an identity that is kept opens, and only its owner may read it`() async throws {
        try await withTemporaryFolder { folder in
            let (keys, made) = try await initialise(folder, keepsIdentity: true)
            let file = try Files.readSecret(keys.identityFile)
            #expect(try AgeIdentity.parse(file.span).map(\.recipient) == made.recipients)
            #expect(try keys.trustedKeys() == [made.publicKey])
            #expect(try keys.signingKey().publicKey == made.publicKey)
            try keys.requireReader()
        }
    }

    @Test func `a second init changes nothing`() async throws {
        try await withTemporaryFolder { folder in
            let (keys, made) = try await initialise(folder, keepsIdentity: true)
            let failure = await #expect(throws: PlainFailure.self) { try await initialise(folder, keepsIdentity: true) }
            #expect(failure?.status == .cannotCreate)
            #expect(try keys.recipients() == made.recipients)
        }
    }

    @Test(arguments: ["signing.key", "identity.txt"])
    func `a secret that others may read is refused`(name: String) async throws {
        try await withTemporaryFolder { folder in
            let (keys, _) = try await initialise(folder, keepsIdentity: true)
            let path = keys.path.appending(name)
            _ = try await Program.run("/bin/chmod", ["644", path.string])
            let failure = #expect(throws: PlainFailure.self) { try Files.readSecret(path) }
            #expect(failure?.status == .configuration)
        }
    }

    @Test func `recipients may be commented, and none is a mistake`() async throws {
        try await withTemporaryFolder { folder in
            let (keys, made) = try await initialise(folder)
            try Files.write(Array("# the safe\n\n  \(made.recipients[0])\r\n".utf8), to: keys.recipientsFile)
            #expect(try keys.recipients() == made.recipients)
            try Files.write(Array("# nobody\n".utf8), to: keys.recipientsFile)
            let failure = #expect(throws: PlainFailure.self) { try keys.recipients() }
            #expect(failure?.status == .configuration)
        }
    }
}
