package import AuditLog
package import Cryptography
package import Platform
import SystemPackage

/// Makes a host ready to produce backups: who may read them, the key that signs them, and where they go.
package struct Initialisation: Sendable {
    package let keys: KeyFolder
    package let repository: Repository
    package let audit: AuditLog

    package init(keys: KeyFolder, repository: Repository, audit: AuditLog) {
        self.keys = keys
        self.repository = repository
        self.audit = audit
    }

    package struct Made: Sendable {
        package let recipients: [AgeRecipient]
        /// The new identity that opens the backups, where one was made and is not kept here: to be shown once.
        package let identity: AgeIdentity?
        /// What verifies this host's signatures.
        package let publicKey: MinisignPublicKey
    }

    /// Makes keys and folders.
    ///
    /// - Parameters:
    ///   - recipients: Public keys whose identities somebody holds elsewhere; none makes a new identity.
    ///   - keepsIdentity: Whether the new identity stays on this host, which then can read its own old backups.
    /// - Throws: status 73 when there are keys already: a second one would make two kinds of backups.
    package func make(recipients: [AgeRecipient], keepsIdentity: Bool) async throws -> Made {
        guard !keys.isMade else { throw Self.alreadyMade(keys) }
        return try await audit.recording(.backupInit) { note in
            let made = try makeKeys(recipients, keepsIdentity: keepsIdentity)
            note.facts["recipients"] = .text(made.recipients.map(\.description).joined(separator: " "))
            note.facts["signingKey"] = .text(made.publicKey.keyID.description)
            note.facts["identityKept"] = keepsIdentity ? "yes" : "no"
            return made
        }
    }

    package static func alreadyMade(_ keys: KeyFolder) -> PlainFailure {
        PlainFailure(
            .cannotCreate, "there are keys in \(keys.path) already", hint: "dbbackup run makes a backup with them")
    }

    private func makeKeys(_ recipients: [AgeRecipient], keepsIdentity: Bool) throws -> Made {
        var identity: AgeIdentity?
        if recipients.isEmpty || keepsIdentity { identity = try AgeIdentity.generate() }
        let all = recipients + [identity?.recipient].compactMap(\.self)
        let signer = MinisignSecretKey.generate()
        try write(all, held: recipients, identity: keepsIdentity ? identity : nil, signer)
        return Made(recipients: all, identity: keepsIdentity ? nil : identity, publicKey: signer.publicKey)
    }

    private func write(
        _ recipients: [AgeRecipient], held: [AgeRecipient], identity: AgeIdentity?, _ signer: MinisignSecretKey
    ) throws {
        try Files.createDirectory(keys.path)
        try Files.createDirectory(keys.trustedFolder)
        try Files.createDirectory(repository.root, mode: RepositoryMode.folder)
        if let identity, let text = identity.text {
            try write(text, after: "# public key: \(identity.recipient?.description ?? "")\n", to: keys.identityFile)
        }
        try Files.write(lines(held.map(\.description)), to: keys.confirmedFile)
        try Files.write(signer.publicKey.file, to: keys.publicKeyFile)
        try Files.write(signer.publicKey.file, to: keys.trustedFolder.appending("\(signer.keyID).pub"))
        try write(signer.file(), to: keys.signingKeyFile)
        // Last: without it there is nothing to run with, and nothing that a second init would refuse.
        try Files.write(lines(recipients.map(\.description)), to: keys.recipientsFile)
    }

    private func write(_ secret: SecretBytes, after comment: String = "", to path: FilePath) throws {
        var file = Array(comment.utf8)
        defer { wipe(&file) }
        secret.withBytes { bytes in
            for index in bytes.indices { file.append(bytes[index]) }
        }
        if file.last != UInt8(ascii: "\n") { file.append(UInt8(ascii: "\n")) }
        try Files.write(file, to: path)
    }

    private func lines(_ texts: [String]) -> [UInt8] {
        Array(texts.map { "\($0)\n" }.joined().utf8)
    }
}

extension KeyFolder {
    /// Records that somebody holds an identity of one of the recipients: it was shown, and is not kept.
    ///
    /// - Throws: status 1 when it opens none of the backups made here.
    package func confirm(_ identities: [AgeIdentity], at now: Timestamp = .now()) throws -> [AgeRecipient] {
        let ours = Set(try recipients().map(\.description))
        let shown = identities.compactMap(\.recipient).filter { ours.contains($0.description) }
        guard !shown.isEmpty else {
            throw PlainFailure(
                .negative, "this identity opens no backup made here",
                hint: "the recipients in \(recipientsFile) are \(ours.sorted().joined(separator: ", "))")
        }
        let all = try confirmed().union(shown.map(\.description)).sorted()
        let lines = ["# last shown \(now)"] + all
        try Files.write(Array(lines.map { "\($0)\n" }.joined().utf8), to: confirmedFile)
        return shown
    }

    /// When somebody last showed that an identity is held elsewhere; nil where that is not known.
    var lastShown: Timestamp? {
        guard let bytes = try? Files.read(confirmedFile, limit: 1 << 20) else { return nil }
        let line = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).first
        return line.flatMap { $0.hasPrefix("# last shown ") ? Timestamp($0.dropFirst(13)) : nil }
    }
}
