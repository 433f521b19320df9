package import Platform

extension KeyedDecodingContainer {
    /// The last moment at which something holds; a date alone means the end of that day in UTC.
    func deadline(forKey key: Key) throws -> Timestamp? {
        guard let text = try decodeIfPresent(String.self, forKey: key) else { return nil }
        if let time = Timestamp(rfc3339: text) { return time }
        if let time = Timestamp(text + "T23:59:59.999999Z") { return time }
        throw rejection(key, "\"\(text)\" is neither a date nor a time (2027-01-31T18:00:00Z, or +02:00 for Z)")
    }
}

extension Timestamp {
    /// A moment with the offset of its clock: `2027-01-31T18:00:00+02:00`, or `Z`; nil for anything else.
    init?(rfc3339 text: String) {
        if let time = Timestamp(text) {
            self = time
            return
        }
        let offset = Array(text.utf8.suffix(6))
        let digits = [1, 2, 4, 5].compactMap { index in
            offset.count == 6 && (0x30...0x39).contains(offset[index]) ? Int64(offset[index] - 0x30) : nil
        }
        guard digits.count == 4, offset[3] == UInt8(ascii: ":"),
            offset[0] == UInt8(ascii: "+") || offset[0] == UInt8(ascii: "-"),
            let local = Timestamp(String(decoding: text.utf8.dropLast(6), as: UTF8.self) + "Z")
        else { return nil }
        let (hours, minutes) = (digits[0] * 10 + digits[1], digits[2] * 10 + digits[3])
        guard hours < 24, minutes < 60 else { return nil }
        let seconds = hours * 3600 + minutes * 60
        // East of Greenwich the clock is ahead of UTC.
        self = local.advanced(bySeconds: offset[0] == UInt8(ascii: "+") ? -seconds : seconds)
    }
}

/// What of a policy holds at a moment, and what has come to its end.
package struct PolicyAtTime: Sendable {
    /// The policy, in which grants that have ended are for nobody.
    package let policy: Policy
    /// Grants that have ended, by their place in the document.
    package let endedGrants: [(index: Int, grant: GrantDeclaration)]
    /// Memberships that have ended: the member, and the place in the document.
    package let endedMemberships: [(member: String, place: String, membership: MembershipDeclaration)]
    /// What ends within 30 days, as sentences.
    package let notes: [String]

    /// Without a time, nothing has ended.
    package init(_ policy: Policy, at now: Timestamp?) {
        func hasEnded(_ until: Timestamp?) -> Bool {
            guard let until, let now else { return false }
            return now > until
        }
        func endsSoon(_ until: Timestamp?) -> Timestamp? {
            guard let until, let now, now <= until, until <= now.advanced(bySeconds: 30 * 86400) else { return nil }
            return until
        }
        var memberships: [(member: String, place: String, membership: MembershipDeclaration)] = []
        var notes: [String] = []
        for role in policy.roles {
            for (index, membership) in role.memberOf.enumerated() {
                let place = "\(role.place).memberOf[\(index)]"
                if hasEnded(membership.until) { memberships.append((role.name, place, membership)) }
                if let until = endsSoon(membership.until) {
                    notes.append(
                        "\(place): the membership of \(spelled(role.name)) in \(spelled(membership.role)) "
                            + "ends at \(until.brief)")
                }
            }
        }
        for (index, grant) in policy.grants.enumerated() {
            guard let until = endsSoon(grant.until) else { continue }
            let grantees = grant.grantees.map { spelled($0.description) }.brief()
            notes.append("grants[\(index)]: ends for \(grantees) at \(until.brief)")
        }
        endedMemberships = memberships
        endedGrants = policy.grants.enumerated().filter { hasEnded($0.element.until) }.map { ($0.offset, $0.element) }
        self.notes = notes
        self.now = now
        // The places of a list name declarations in errors: what has ended is emptied and not taken out.
        var live = policy
        live.grants = policy.grants.map { hasEnded($0.until) ? $0.withoutGrantees : $0 }
        self.policy = live
    }

    private let now: Timestamp?

    /// The declaration of this membership, where it has ended.
    func end(of row: MembershipState) -> (member: String, place: String, membership: MembershipDeclaration)? {
        endedMemberships.first { $0.member == row.member && $0.membership.role == row.role }
    }

    func hasEnded(_ membership: MembershipDeclaration) -> Bool {
        guard let until = membership.until, let now else { return false }
        return now > until
    }
}
