package import Cryptography
import Platform
import SystemPackage

/// The keys that a login store needs and its database never has: the pepper of passwords, and what seals TOTP seeds.
///
/// They come out of the keyring that `dbpii keys init` makes; each purpose has a key of its own.
public struct CredentialKeys: Sendable {
    private let keyring: Keyring

    package init(_ keyring: Keyring) {
        self.keyring = keyring
    }

    /// Opens a keyring.
    ///
    /// - Parameter unlock: Where the secret comes from: `file:PATH`, `credential:NAME`, `env:NAME`, `command:PROGRAM`.
    public static func open(keyring path: String, unlock: String) async throws -> CredentialKeys {
        guard let unlock = KeyringUnlock(unlock) else {
            throw CredentialsError(
                .keyMissing, "\"\(unlock.prefix { $0 != ":" })\" does not say where the keyring's secret is",
                hint: "write file:PATH, credential:NAME, env:NAME or command:PROGRAM")
        }
        return CredentialKeys(try KeyringFile(FilePath(path).absolute).open(with: try await unlock.load()).keyring)
    }

    private static let pepperLabel = "dbsec password pepper v1"
    private static let seedContext = "dbauth.totp_seed"

    /// Every key of the ring as a pepper; new passwords take the active one.
    public func peppers() throws -> PepperRing {
        PepperRing(
            active: try keyring.activeKey().id.description,
            keys: Dictionary(
                uniqueKeysWithValues: keyring.usable.map { ($0.id.description, $0.derive(Self.pepperLabel, [])) }))
    }

    /// Bound to the account: a seed that is copied to another row does not open there.
    func seal(_ totp: TOTP, of account: String) throws -> [UInt8] {
        let key = try ColumnKeys(Self.seedContext, in: keyring).encrypting()
        let row = try Self.row(account)
        return totp.seed.withBytes { key.seal($0, .row(row)) }
    }

    func open(_ sealed: [UInt8], of account: String) throws -> TOTP {
        var seed = try ColumnKeys(Self.seedContext, in: keyring).open(sealed.span, .row(Self.row(account)))
        return TOTP(seed: SecretBytes(taking: &seed))
    }

    private static func row(_ account: String) throws -> RowID {
        guard let row = RowID(account) else {
            throw CredentialsError(.malformed, "the login store answered with an account that is no uuid")
        }
        return row
    }
}
