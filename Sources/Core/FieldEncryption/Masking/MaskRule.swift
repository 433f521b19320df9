/// How masking replaces the values of a column.
package enum MaskRule: Sendable, Equatable, Hashable {
    /// Every letter and digit by another of its sort; lengths, signs and uniqueness stay.
    case shape
    case email
    case phone
    case name
    case date
    case paymentCard
    case iban
    case nationalID
    case ipAddress
    case macAddress
    /// Bytes by other bytes, as many: ciphertexts and their indexes.
    case bytes
    /// NULL.
    case null
    /// One text for all.
    case fixed(String)
    /// As it is: somebody has looked and decided.
    case keep

    package static let names = [
        "shape", "email", "phone", "name", "date", "payment-card", "iban", "national-id", "ip-address", "mac-address",
        "bytes",
        "null", "fixed:TEXT", "keep",
    ]

    /// Reads `email`, `fixed:unknown`; nil for anything else.
    package init?(_ text: String) {
        switch text {
        case "shape": self = .shape
        case "email": self = .email
        case "phone": self = .phone
        case "name": self = .name
        case "date": self = .date
        case "payment-card": self = .paymentCard
        case "iban": self = .iban
        case "national-id": self = .nationalID
        case "ip-address": self = .ipAddress
        case "mac-address": self = .macAddress
        case "bytes": self = .bytes
        case "null": self = .null
        case "keep": self = .keep
        default:
            guard text.hasPrefix("fixed:") else { return nil }
            self = .fixed(String(text.dropFirst(6)))
        }
    }

    package var name: String {
        switch self {
        case .shape: "shape"
        case .email: "email"
        case .phone: "phone"
        case .name: "name"
        case .date: "date"
        case .paymentCard: "payment-card"
        case .iban: "iban"
        case .nationalID: "national-id"
        case .ipAddress: "ip-address"
        case .macAddress: "mac-address"
        case .bytes: "bytes"
        case .null: "null"
        case .fixed(let text): "fixed:\(text)"
        case .keep: "keep"
        }
    }

    /// What suits a kind of personal data in a column of this type.
    static func suggested(for kind: PersonalKind, type: String) -> MaskRule {
        switch kind {
        case .email: .email
        case .phone: .phone
        case .name: .name
        case .birthDate: type.hasPrefix("int") ? .keep : .date
        case .paymentCard: .paymentCard
        case .iban: .iban
        case .nationalID: .nationalID
        case .ipAddress: .ipAddress
        case .macAddress: .macAddress
        // A choice of few words, which the application's code knows.
        case .gender: .keep
        case .address, .postalCode, .city, .passport, .drivingLicence, .coordinates, .health, .secret:
            type == "bytea" ? .bytes : type == "enum" || type == "point" ? .null : .shape
        }
    }
}
