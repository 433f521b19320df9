package import Platform
package import SystemPackage

/// Findings that somebody has accepted, each with a reason and a last day.
///
///     { "version": 1, "accepted": [
///         { "id": "rls-truncate", "object": "table public.orders", "reason": "batch job, see OPS-12", "until": "2027-01-31" } ] }
package struct Baseline: Sendable {
    package struct Entry: Sendable {
        package let id: String
        package let object: String
        package let reason: String
        /// The last day on which it holds.
        package let until: Timestamp
    }

    package static let expired = "baseline-expired"
    package static let unused = "baseline-unused"
    static let ruleIdentifiers: Set<String> = [expired, unused]

    package let name: String
    package let entries: [Entry]

    /// - Throws: `DocumentFailure` (65) naming line and path; `FileFailure` when there is no such file.
    package static func load(_ path: FilePath) throws -> Baseline {
        try Baseline(bytes: try Files.read(path, limit: 16 << 20), named: "baseline \(path)")
    }

    package init(bytes: [UInt8], named name: String) throws {
        let source = try CommentedJSON(bytes, named: name)
        let document = try source.decode(Document.self)
        for (index, entry) in document.accepted.enumerated() {
            if document.accepted[..<index].contains(where: { $0.id == entry.id && $0.object == entry.object }) {
                throw source.failure(at: "accepted[\(index)]", "\(entry.id) of \(entry.object) is accepted twice")
            }
        }
        self.name = name
        entries = document.accepted
    }

    private struct Document: Decodable {
        let accepted: [Entry]

        private enum Keys: String, CodingKey, CaseIterable {
            case version, accepted
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.strict(Keys.self)
            let version = try container.decode(Int.self, forKey: .version)
            guard version == 1 else {
                throw container.rejection(
                    .version, "version \(version) is not known here: this program reads version 1")
            }
            accepted = try container.decode([Entry].self, forKey: .accepted)
        }
    }

    /// The findings with those marked that an entry accepts today, and with what is wrong with the entries themselves.
    ///
    /// An entry of a rule that did not run says nothing, and is not called unused.
    func judge(_ findings: [Finding], ran rules: Set<String>, at now: Timestamp) -> [Finding] {
        var byPlace: [String: Int] = [:]
        for (index, entry) in entries.enumerated() { byPlace["\(entry.id)\u{0}\(entry.object)"] = index }
        var used: Set<Int> = []
        var result = findings.map { finding -> Finding in
            guard let index = byPlace["\(finding.id)\u{0}\(finding.object)"] else { return finding }
            used.insert(index)
            let entry = entries[index]
            return entry.isExpired(at: now) ? finding : finding.accepted(because: entry.reason)
        }
        for (index, entry) in entries.enumerated() where rules.contains(entry.id) {
            let object = LintObject("baseline entry", "\(entry.id) of \(entry.object)")
            let place = "accepted[\(index)] of \(name)"
            if !used.contains(index) {
                result.append(
                    Finding(
                        id: Self.unused, severity: .info, object: object,
                        evidence: "\(place): nothing is found there any more", remedy: ["-- take the entry out"],
                        source: "Documentation/lint.md, Baseline"))
            } else if entry.isExpired(at: now) {
                result.append(
                    Finding(
                        id: Self.expired, severity: .warning, object: object,
                        evidence: "\(place): accepted until \(entry.until.brief.prefix(10)), \"\(entry.reason)\"",
                        remedy: ["-- mend it, or look at it again and set a new date"],
                        source: "Documentation/lint.md, Baseline"))
            }
        }
        return result
    }
}

extension Baseline.Entry: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case id, object, reason, until
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        id = try container.decode(String.self, forKey: .id)
        guard LintRule.identifiers.contains(id) else {
            throw container.rejection(.id, unknown("finding", id, among: LintRule.identifiers))
        }
        object = try container.decode(String.self, forKey: .object)
        reason = try container.decode(String.self, forKey: .reason)
        guard reason.contains(where: { !$0.isWhitespace }) else {
            throw container.rejection(.reason, "the reason is empty")
        }
        let day = try container.decode(String.self, forKey: .until)
        guard let until = Timestamp(day + "T00:00:00Z") else {
            throw container.rejection(.until, "\"\(day)\" is not a date, as 2027-01-31 is")
        }
        self.until = until
    }

    func isExpired(at now: Timestamp) -> Bool { now >= until.advanced(bySeconds: 86_400) }
}
