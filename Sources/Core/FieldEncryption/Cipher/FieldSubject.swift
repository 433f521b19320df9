import Cryptography
import Platform
import Synchronization

/// One person whose fields are under a key of their own, so that forgetting the person is destroying that key.
///
///     // SELECT key_id, wrapped, commitment FROM dbpii.subjects WHERE subject = '4711'
///     let person = try cipher.subject("4711", FieldSubject.Stored(keyID: keyID, wrapped: wrapped, commitment: commitment))
///     let sealed = try phone.encrypt("0171 1234567", for: person)
///     let text = try phone.decryptText(sealed, for: person)
///
/// Shared by threads. Do not keep it longer than the request that it is for: who was erased meanwhile is still readable here.
public final class FieldSubject: Sendable {
    /// The columns of a row in `dbpii.subjects`.
    public struct Stored: Sendable, Equatable {
        public let keyID: [UInt8]
        /// NULL once the person was forgotten.
        public let wrapped: [UInt8]?
        public let commitment: [UInt8]?

        public init(keyID: [UInt8], wrapped: [UInt8]?, commitment: [UInt8]?) {
            (self.keyID, self.wrapped, self.commitment) = (keyID, wrapped, commitment)
        }
    }

    /// The application's id for the person.
    public var id: String { key.subject }

    private let key: SubjectKey
    private let columns = Mutex<[String: SubjectColumn]>([:])

    init(_ key: SubjectKey) {
        self.key = key
    }

    func column(_ context: String) -> SubjectColumn {
        columns.withLock { columns in
            if let column = columns[context] { return column }
            let column = key.column(context)
            columns[context] = column
            return column
        }
    }
}

extension FieldColumn {
    /// The field of a value of one person, under that person's key.
    ///
    /// - Parameter row: the row's uuid as text, for a column with row binding and only for one.
    public func encrypt(_ value: [UInt8], row: String? = nil, for subject: FieldSubject) throws -> [UInt8] {
        subject.column(context).seal(value.span, try bound(row), padding: padding)
    }

    /// The field of a text of one person, as UTF-8.
    public func encrypt(_ value: String, row: String? = nil, for subject: FieldSubject) throws -> [UInt8] {
        var value = value
        value.makeContiguousUTF8()
        return subject.column(context).seal(value.utf8.span, try bound(row), padding: padding)
    }

    /// The value of a field of one person; one that is still under the keyring's key is read too.
    public func decrypt(_ field: [UInt8], row: String? = nil, for subject: FieldSubject) throws -> [UInt8] {
        guard field.first == SubjectKey.version else { return try decrypt(field, row: row) }
        do {
            return try subject.column(context).open(field.span, bound(row))
        } catch {
            throw FieldCipherError(error)
        }
    }

    /// The value of a field of one person as text; one that is still under the keyring's key is read too.
    public func decryptText(_ field: [UInt8], row: String? = nil, for subject: FieldSubject) throws -> String {
        guard field.first == SubjectKey.version else { return try decryptText(field, row: row) }
        do {
            return try subject.column(context).openText(field.span, bound(row))
        } catch {
            throw FieldCipherError(error)
        }
    }
}
