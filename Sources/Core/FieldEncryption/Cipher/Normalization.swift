@_spi(_Unicode) import Swift

/// Unicode's composed normal form.
///
/// The standard library has it behind an underscored name, and the large Foundation with its ICU would be the price of
/// another; `NormalizationTests` holds it to Unicode's own examples, so that a toolchain that changes it is noticed.
enum Normalization {
    static func composed(_ text: String) -> String {
        // Nearly every text is plain, and is its own normal form.
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: text._nfc)
        return String(scalars)
    }
}
