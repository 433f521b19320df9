/// What personal data a column holds.
package enum PersonalKind: String, CaseIterable, Codable, Sendable, Comparable {
    case email
    case phone
    case name
    case birthDate = "birth-date"
    case address
    case postalCode = "postal-code"
    case city
    case nationalID = "national-id"
    case passport
    case drivingLicence = "driving-licence"
    case paymentCard = "payment-card"
    case iban
    case ipAddress = "ip-address"
    case macAddress = "mac-address"
    case gender
    case coordinates
    case health
    case secret

    package static func < (left: PersonalKind, right: PersonalKind) -> Bool { left.rawValue < right.rawValue }

    /// The kinds whose values show what they are, so that a column of other values is not of them, whatever its name.
    var isShownByValues: Bool {
        switch self {
        case .email, .phone, .birthDate, .paymentCard, .iban, .ipAddress, .macAddress, .gender, .coordinates: true
        default: false
        }
    }

    /// How an index over the encrypted column would have to look at the values, to find them as people write them.
    var transform: String? {
        switch self {
        case .email, .name, .city: "lowercase"
        case .phone: "phone"
        case .paymentCard, .nationalID: "digits"
        default: nil
        }
    }
}
