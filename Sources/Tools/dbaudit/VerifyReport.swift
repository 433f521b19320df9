import AuditLog
import Console
import Cryptography
import Platform
import SystemPackage

/// Two verdicts: whether the log is what was signed, and whether every act in it has an end.
struct VerifyReport: Report {
    let verdict: LogVerdict
    let folder: FilePath
    let isPinned: Bool

    init(_ verdict: LogVerdict, folder: FilePath, isPinned: Bool) {
        self.verdict = verdict
        self.folder = folder
        self.isPinned = isPinned
    }

    var status: ExitStatus { verdict.isIntact ? .success : .negative }

    var text: String {
        var lines = ["log           \(Plain.line(verdict.origin ?? "unknown")) in \(folder)"]
        lines.append("records       \(Words.count(verdict.records)) (\(Words.size(verdict.bytes)))\(period)")
        lines.append("root          \(verdict.root)")
        lines.append("integrity     \(verdict.isIntact ? "intact: \(level)" : "BROKEN")")
        lines += verdict.findings.map { finding in
            "              \(finding.record.map { "record \($0): " } ?? "")\(Plain.line(finding.what))"
        }
        if let anchor = verdict.anchor {
            let until = anchor.until.map { ", until \($0.brief)" } ?? ""
            lines.append("protected     the first \(Words.plural(anchor.size, "record"))\(until)")
        }
        lines.append("completeness  \(completeness)")
        lines += verdict.notes.map { "note          \(Plain.line($0))" }
        return lines.joined(separator: "\n")
    }

    private var period: String {
        guard let first = verdict.first, let last = verdict.last else { return "" }
        return ", \(first.brief) to \(last.brief)"
    }

    private var level: String {
        switch verdict.level {
        case .anchored: "L2 consistent with a checkpoint you kept"
        case .signed where isPinned: "L1 signed by the pinned key"
        case .signed: "L1 signed by the key in the log's own folder (pin it: --key; keep a checkpoint: --from)"
        case .consistent, nil: "L0 consistent in itself"
        }
    }

    private var completeness: String {
        if verdict.isComplete { return "every act that began has an end" }
        let acts = verdict.openActs.map { "\(Plain.line($0.action)) (record \($0.record))" }.joined(separator: ", ")
        let more = verdict.openActCount > verdict.openActs.count ? ", ..." : ""
        return "\(Words.plural(verdict.openActCount, "act")) began and did not end: \(acts)\(more)"
    }
}

extension VerifyReport {
    private enum Keys: String, CodingKey {
        case intact, complete, level, keyPinned, origin, records, bytes, root, first, last, checkpointSize, anchor,
            findings
        case openActs, openActCount, notes
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(verdict.isIntact, forKey: .intact)
        try container.encode(verdict.isComplete, forKey: .complete)
        try container.encodeIfPresent(verdict.level, forKey: .level)
        try container.encode(isPinned, forKey: .keyPinned)
        try container.encodeIfPresent(verdict.origin, forKey: .origin)
        try container.encode(verdict.records, forKey: .records)
        try container.encode(verdict.bytes, forKey: .bytes)
        try container.encode(verdict.root.hex, forKey: .root)
        try container.encodeIfPresent(verdict.first, forKey: .first)
        try container.encodeIfPresent(verdict.last, forKey: .last)
        try container.encodeIfPresent(verdict.checkpointSize, forKey: .checkpointSize)
        try container.encodeIfPresent(verdict.anchor, forKey: .anchor)
        try container.encode(verdict.findings, forKey: .findings)
        try container.encode(verdict.openActs, forKey: .openActs)
        try container.encode(verdict.openActCount, forKey: .openActCount)
        try container.encode(verdict.notes, forKey: .notes)
    }
}
