package import Cryptography
import Platform
import Synchronization
import SystemPackage

/// Encrypts and decrypts single values with the keys of a keyring, outside the database.
///
///     let cipher = try await FieldCipher.open("/var/lib/dbsec/keys/keyring.json", unlock: .file("/etc/app/identity.txt"))
///     let phone = try cipher.column("users.phone", indexes: [.init("exact", [.phone(country: "49")], bits: 16)])
///
///     let sealed = try phone.encrypt("0171 1234567")          // [UInt8], for a bytea column
///     let text = try phone.decryptText(sealed)
///     let index = try phone.index("exact", of: "0171 1234567")
///
/// Open one for the life of the process and share it among threads: it notices a keyring that was replaced, so that a
/// rotation needs no restart.
public final class FieldCipher: Sendable {
    /// Where the secret comes from that opens the keyring: an age identity, or a passphrase.
    public enum Unlock: Sendable {
        /// A file with mode 0600.
        case file(String)
        /// A systemd credential.
        case credential(String)
        /// The name of an environment variable.
        case environment(String)
        /// A program that prints it, and its arguments.
        case command([String])

        var source: KeyringUnlock {
            switch self {
            case .file(let path): .file(FilePath(path))
            case .credential(let name): .credential(name)
            case .environment(let name): .environment(name)
            case .command(let words): .command(words)
            }
        }
    }

    /// What the values of a column are bound to, decided when the column is declared and never changed.
    public enum Binding: Sendable, Equatable {
        /// The column: a value that is copied to another row of it still decrypts.
        case column
        /// Also an immutable uuid of the row, which the client makes.
        case row
    }

    let source: KeyringSource

    /// Opens a keyring and keeps what it needs to open newer generations of it.
    ///
    /// - Parameter checkInterval: how often, in seconds, the file is looked at for a change; a value under a key that is
    ///   not known is looked for at once.
    public static func open(
        _ keyring: String, unlock: Unlock, checkInterval: Double = 5
    ) async throws -> FieldCipher {
        do {
            let secret = try await unlock.source.load()
            return FieldCipher(
                try KeyringSource(KeyringFile(FilePath(keyring)), secret, interval: .seconds(checkInterval)))
        } catch {
            throw FieldCipherError(error)
        }
    }

    package init(_ source: KeyringSource) {
        self.source = source
    }

    /// A cipher over a keyring that is open already and never changes.
    package convenience init(_ keyring: Keyring) {
        self.init(KeyringSource(keyring))
    }

    /// The cipher of one column.
    ///
    /// - Parameters:
    ///   - context: the column's stable name: chosen once, and kept when table or column are renamed.
    ///   - padding: values are padded to a multiple of so many bytes, since their length tells; 1 pads nothing.
    public func column(
        _ context: String, binding: Binding = .column, padding: Int = 16, indexes: [BlindIndex] = []
    ) throws -> FieldColumn {
        guard !context.isEmpty, context.utf8.count <= 1024 else {
            throw FieldCipherError(.usage, "a context has 1 to 1024 bytes, as users.phone")
        }
        guard (1...4096).contains(padding) else {
            throw FieldCipherError(.usage, "padding is from 1 to 4096 bytes")
        }
        guard Set(indexes.map(\.name)).count == indexes.count else {
            throw FieldCipherError(.usage, "two indexes of \(context) have the same name")
        }
        return FieldColumn(context, binding, padding, indexes, source)
    }

    /// Opens the key of one person, from that person's row in `dbpii.subjects`.
    ///
    /// - Throws: `notAuthentic` for a row that was changed or is another person's; `destroyedKey` when the person was forgotten.
    public func subject(_ id: String, _ stored: FieldSubject.Stored) throws -> FieldSubject {
        do {
            guard let wrapped = stored.wrapped, let commitment = stored.commitment else {
                throw FieldError(.destroyedKey, "the key of the subject was erased")
            }
            guard stored.keyID.count == FieldKeyID.byteCount else {
                throw FieldError(.malformed, "the id of a subject's key has \(FieldKeyID.byteCount) bytes")
            }
            let keyID = FieldKeyID(stored.keyID.span)
            func open(_ keyring: Keyring) throws -> FieldSubject {
                FieldSubject(
                    try SubjectKey(unwrapping: wrapped, commitment: commitment, subject: id, id: keyID, in: keyring))
            }
            do {
                return try open(source.current().keyring)
            } catch let error as FieldError where error.code == .unknownKey {
                // It may be wrapped by a key of a newer generation.
                return try open(source.current(now: true).keyring)
            }
        } catch {
            throw FieldCipherError(error)
        }
    }

    /// Makes a key for a person, and the row for `dbpii.subjects` without which it is lost.
    public func makeSubject(_ id: String) throws -> (subject: FieldSubject, stored: FieldSubject.Stored) {
        guard !id.isEmpty, id.utf8.count <= 1024 else {
            throw FieldCipherError(.usage, "a subject's id has from 1 to 1024 bytes")
        }
        do {
            let key = SubjectKey.generate(for: id)
            let (wrapped, commitment) = try key.wrapped(by: source.current().keyring.activeKey())
            return (
                FieldSubject(key),
                FieldSubject.Stored(keyID: key.id.bytes, wrapped: wrapped, commitment: commitment)
            )
        } catch {
            throw FieldCipherError(error)
        }
    }
}

/// The newest generation of a keyring, looked for from time to time.
///
/// What every value asks, whether it is time to look and whether anything has changed, takes no lock.
package final class KeyringSource: Sendable {
    private struct State {
        var open: Keyring
        var stamp: FileStamp?
    }

    private let file: KeyringFile?
    private let secret: SecretBytes?
    private let interval: Int
    private let state: Mutex<State>
    private let nextLook: Atomic<Int>
    private let number = Atomic<Int>(0)

    package init(_ file: KeyringFile, _ secret: SecretBytes, interval: Duration = .seconds(5)) throws {
        let opened = try file.open(with: secret)
        self.file = file
        self.secret = secret
        self.interval = Int(interval.asMilliseconds)
        state = Mutex(State(open: opened.keyring, stamp: opened.stamp))
        nextLook = Atomic(CoarseClock.milliseconds + self.interval)
    }

    package init(_ keyring: Keyring) {
        file = nil
        secret = nil
        interval = 0
        state = Mutex(State(open: keyring))
        nextLook = Atomic(.max)
    }

    /// The ring and a number that changes with it; `now` looks at the file whatever the time.
    func current(now isUrgent: Bool = false) -> (keyring: Keyring, version: Int) {
        if isUrgent { look() }
        return state.withLock { ($0.open, number.load(ordering: .acquiring)) }
    }

    /// Only the number: what is asked for every value.
    func version() -> Int {
        if CoarseClock.milliseconds >= nextLook.load(ordering: .relaxed) { look() }
        return number.load(ordering: .acquiring)
    }

    private func look() {
        guard let file, let secret else { return }
        nextLook.store(CoarseClock.milliseconds + interval, ordering: .relaxed)
        state.withLock { state in
            // A file that cannot be read or opened at the moment leaves the keys as they are: values go on being served.
            guard let stamp = try? FileStamp(file.path), stamp != state.stamp,
                let opened = try? file.open(with: secret), opened.keyring.ring == state.open.ring,
                opened.keyring.generation >= state.open.generation
            else { return }
            state.open = opened.keyring
            state.stamp = opened.stamp
            number.add(1, ordering: .releasing)
        }
    }
}
