import Cryptography
import Platform

/// Hashes passwords, and says whether one belongs to a hash: bcrypt and Argon2id to make, the older schemes to read.
///
///     let hasher = PasswordHasher()                                  // argon2id, 19 MiB, 2 passes
///     let stored = try await hasher.hash(Password("correct horse battery staple"))
///
///     let check = try await hasher.verify(Password("correct horse battery staple"), against: stored)
///     if check.matches, check.needsRehash { /* hash it anew, store that */ }
///
/// Hashing runs on threads of its own, no more at a time than there are processors, so that a flood of logins waits
/// and does not take all memory.
public struct PasswordHasher: Sendable {
    /// What new hashes are made with.
    public let scheme: HashScheme
    package let peppers: PepperRing?
    private var isChecked = true

    public init(scheme: HashScheme = .standard) {
        self.init(scheme: scheme, peppers: nil)
    }

    public init(scheme: HashScheme = .standard, peppers: PepperRing?) {
        self.scheme = scheme
        self.peppers = peppers
    }

    /// As the owner of a login store has decided, whatever that is.
    init(decided scheme: HashScheme, peppers: PepperRing?) {
        self.init(scheme: scheme, peppers: peppers)
        isChecked = false
    }

    /// What `verify` found.
    public struct Check: Equatable, Sendable {
        public let matches: Bool
        /// True when the hash is weaker than this hasher's scheme, or lacks the active pepper: hash the password anew.
        public let needsRehash: Bool

        package init(matches: Bool, needsRehash: Bool) {
            self.matches = matches
            self.needsRehash = needsRehash
        }
    }

    /// Makes a hash with a salt of its own, as `$2b$12$...` or `$argon2id$...`; `$pepper=ID` stands in front when there is one.
    ///
    /// - Throws: `CredentialsError` `.passwordRefused` for a password that the scheme cannot take whole.
    public func hash(_ password: Password) async throws -> String {
        let settings = try freshSettings()
        let text = try await compute(settings, password)
        return settings.pepper.map { "$pepper=\($0)\(text)" } ?? text
    }

    /// Whether the password is the one that the hash was made of.
    ///
    /// - Throws: `CredentialsError` `.malformed` for a hash that is not known here, `.passwordRefused` for a password that
    ///   the scheme would have cut.
    public func verify(_ password: Password, against stored: String) async throws -> Check {
        let hash = try StoredHash(stored)
        let matches: Bool
        if let settings = hash.settings {
            let made = try await compute(settings, password)
            matches = constantTimeEqual(Array(made.utf8).span, Array(hash.text.utf8).span)
        } else {
            matches = try await verifyWhole(hash, password)
        }
        return Check(matches: matches, needsRehash: needsRehash(hash))
    }

    /// Whether a hash should be made anew at the next login, when the password is at hand.
    public func needsRehash(_ stored: String) throws -> Bool {
        needsRehash(try StoredHash(stored))
    }

    package func needsRehash(_ hash: StoredHash) -> Bool {
        hash.isWeaker(than: scheme) || (peppers.map { $0.active != hash.pepper } ?? false)
    }

    package func freshSettings() throws -> PasswordSettings {
        if isChecked { try scheme.check() }
        return try PasswordSettings.fresh(scheme, pepper: peppers?.active)
    }

    /// The hash that these settings give: what a login store compares.
    package func compute(_ settings: PasswordSettings, _ password: Password) async throws -> String {
        let mixed = try mix(password, settings.pepper)
        return try await HashingQueue.shared.run { try Self.compute(settings.text, mixed) }
    }

    /// For hashes that can be checked and not computed: Argon2 of several lanes, NT hashes and the like.
    package func verifyWhole(_ hash: StoredHash, _ password: Password) async throws -> Bool {
        let mixed = try mix(password, hash.pepper)
        return try await HashingQueue.shared.run {
            if case .argon2 = hash.kind { return mixed.secret.withBytes { Argon2.verify(hash.text, $0) } }
            let made = try Self.crypt(mixed, settings: hash.text)
            return constantTimeEqual(Array(made.utf8).span, Array(hash.text.utf8).span)
        }
    }

    private func mix(_ password: Password, _ pepper: String?) throws(CredentialsError) -> Password {
        guard let pepper else { return password }
        guard let peppers else {
            throw CredentialsError(
                .keyMissing, "this password was hashed with the pepper \(pepper), and no keyring was given")
        }
        return try peppers.mix(password, with: pepper)
    }

    private static func compute(_ settings: String, _ password: Password) throws -> String {
        guard settings.hasPrefix("$argon2") else { return try crypt(password, settings: settings) }
        let parts = settings.split(separator: "$").map(String.init)
        let numbers = parts[2].split(separator: ",").compactMap { Int($0.dropFirst(2)) }
        guard parts.count == 4, numbers.count == 3, let variant = Argon2.Variant(rawValue: parts[0]),
            let salt = Base64Text.decode(parts[3], padded: false)
        else { throw CredentialsError(.malformed, "these are no settings of argon2") }
        let hash = try password.secret.withBytes {
            try Argon2.derive(variant, from: $0, salt: salt, memoryKiB: numbers[0], passes: numbers[1])
        }
        return settings + "$" + Base64Text.encode(hash, padded: false)
    }

    /// bcrypt's own limit: what is behind it does not count, so that such a password must not be taken.
    static let bcryptLimit = 72

    private static func crypt(_ password: Password, settings: String) throws -> String {
        guard password.byteCount <= bcryptLimit || !settings.hasPrefix("$2") else {
            throw CredentialsError(
                .passwordRefused, "the password has \(password.byteCount) bytes, and bcrypt takes 72",
                hint: "use argon2id, or a pepper, which have no such limit")
        }
        do {
            return try password.secret.withBytes { bytes throws(CryptographyError) in
                try Crypt.hash(bytes, settings: settings)
            }
        } catch {
            guard error.code == .passphrase else { throw error }
            throw CredentialsError(.passwordRefused, error.sentence)
        }
    }
}

/// Lets as many hashes be computed at a time as there are processors: each takes one whole, and tens of megabytes.
struct HashingQueue: Sendable {
    static let shared = HashingQueue(width: Processors.count)

    private let places: TaskSemaphore

    init(width: Int) {
        places = TaskSemaphore(width: width)
    }

    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        await places.wait()
        defer { places.signal() }
        return try await onOwnThread(body)
    }
}
