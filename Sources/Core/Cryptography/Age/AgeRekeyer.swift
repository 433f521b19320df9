package import Platform

/// Gives an age file other recipients: a new header for the same file key, and every byte after it as it was.
///
/// What follows the header is not looked at: whoever uses this must know already that the file is whole.
package final class AgeRekeyer: ByteSink {
    private let identities: [AgeIdentity]
    private let recipients: [AgeRecipient]
    private let next: any ByteSink
    private var reader = AgeHeaderReader()
    private var isPastHeader = false

    package init(opening identities: [AgeIdentity], for recipients: [AgeRecipient], into next: any ByteSink) {
        self.identities = identities
        self.recipients = recipients
        self.next = next
    }

    /// - Throws: `headerMalformed`, `noMatch`, `headerMAC` or `badKey`, and whatever the next step throws.
    package func write(_ bytes: Span<UInt8>) throws {
        guard !isPastHeader else { return try next.write(bytes) }
        guard let (header, end) = try reader.take(bytes) else { return }
        isPastHeader = true
        let other = try AgeHeader(for: recipients, sealing: header.open(with: identities)).encoded
        try next.write(other.span)
        try next.write(bytes.extracting(end...))
    }

    package func finish() throws {
        guard isPastHeader else { throw AgeHeaderParser.malformed("is cut off") }
        try next.finish()
    }
}
