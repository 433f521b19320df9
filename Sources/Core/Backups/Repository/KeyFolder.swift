package import Cryptography
import Platform
package import SystemPackage

/// The keys that a host holds: public ones of those who may read backups, and its own for signing.
///
/// The producer's host has `recipients.txt`, `signing.key` and `signing.pub`; `trusted/` holds the public keys of signers
/// that whoever verifies here believes; `identity.txt`, which opens backups, is only where they are proved or restored.
package struct KeyFolder: Sendable {
    package let path: FilePath

    package init(_ path: FilePath) {
        self.path = path
    }

    package var recipientsFile: FilePath { path.appending("recipients.txt") }
    package var signingKeyFile: FilePath { path.appending("signing.key") }
    package var publicKeyFile: FilePath { path.appending("signing.pub") }
    package var trustedFolder: FilePath { path.appending("trusted") }
    package var identityFile: FilePath { path.appending("identity.txt") }
    /// The recipients whose identity somebody has shown to hold elsewhere, one a line.
    package var confirmedFile: FilePath { path.appending("confirmed") }

    package var isMade: Bool { Files.exists(recipientsFile) || Files.exists(signingKeyFile) }

    /// Whether this host can read the backups that it makes.
    package var holdsIdentity: Bool { Files.exists(identityFile) }

    /// Whom backups are encrypted to.
    package func recipients() throws -> [AgeRecipient] {
        guard Files.exists(recipientsFile) else {
            throw PlainFailure(.configuration, "there is no \(recipientsFile)", hint: "run dbbackup init first")
        }
        let recipients = try lines(recipientsFile).map { try AgeRecipient(parsing: $0) }
        guard !recipients.isEmpty else {
            throw PlainFailure(.configuration, "\(recipientsFile) names nobody", hint: "add a line with an age1... key")
        }
        return recipients
    }

    /// Recipients of which it is known that their identity is not only on this host.
    package func confirmed() throws -> Set<String> {
        Files.exists(confirmedFile) ? Set(try lines(confirmedFile)) : []
    }

    /// Refuses (78) to make a backup that nobody might be able to open once this host is gone.
    package func requireReader() throws {
        let names = Set(try recipients().map(\.description))
        let confirmed = try confirmed()
        guard holdsIdentity || !names.isDisjoint(with: confirmed) else {
            throw PlainFailure(
                .configuration, "nobody has shown yet that an identity for these backups is held somewhere else",
                hint: "write the identity that init printed to a safe place, then hand it to: dbbackup keys confirm")
        }
    }

    package func signingKey() throws -> MinisignSecretKey {
        guard Files.exists(signingKeyFile) else {
            throw PlainFailure(.configuration, "there is no \(signingKeyFile)", hint: "run dbbackup init first")
        }
        var file = try Files.readSecret(signingKeyFile, limit: 1 << 14)
        defer { wipe(&file) }
        return try MinisignSecretKey(parsing: file.span)
    }

    /// What verifies this host's own signatures; nil where it signs nothing.
    package func publicKey() throws -> MinisignPublicKey? {
        guard Files.exists(publicKeyFile) else { return nil }
        let file = try Files.read(publicKeyFile, limit: 1 << 14)
        return try MinisignPublicKey(parsing: file.span)
    }

    /// The identities that open backups on this very host.
    package func heldIdentities() throws -> [AgeIdentity] {
        guard holdsIdentity else { return [] }
        var file = try Files.readSecret(identityFile)
        defer { wipe(&file) }
        return try AgeIdentity.parse(file.span)
    }

    /// Has new backups made for one more recipient.
    package func add(_ recipient: AgeRecipient?) throws -> AgeRecipient {
        guard let recipient else { throw PlainFailure(.internalError, "a new identity has no recipient") }
        let all = try recipients() + [recipient]
        try Files.write(Array(all.map { "\($0)\n" }.joined().utf8), to: recipientsFile)
        return recipient
    }

    /// The public keys that this host believes, from the files in `trusted/`.
    package func trustedKeys() throws -> [MinisignPublicKey] {
        guard Files.exists(trustedFolder) else { return [] }
        return try Files.list(trustedFolder).filter { $0.hasSuffix(".pub") }.map { name in
            let file = try Files.read(trustedFolder.appending(name), limit: 1 << 14)
            return try MinisignPublicKey(parsing: file.span)
        }
    }

    private func lines(_ file: FilePath) throws -> [String] {
        String(decoding: try Files.read(file, limit: 1 << 20), as: UTF8.self)
            .split(whereSeparator: \.isNewline).map { $0.filter { !$0.isWhitespace } }
            .filter { !$0.isEmpty && !$0.hasPrefix("#") }
    }
}
