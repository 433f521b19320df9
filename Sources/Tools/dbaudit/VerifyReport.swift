import AuditLog
import Console
import Cryptography
import Platform
import SystemPackage

/// Two verdicts for each log: whether it is what was signed, and whether anything seems to be missing.
struct VerifyReport: Report {
    let logs: [VerifiedLog]
    let all: Bool
    let require: LogVerdict.Level?
    let complete: Bool

    var status: ExitStatus { logs.allSatisfy(isEnough) ? .success : .negative }

    var text: String {
        logs.map { log in
            var lines = [log.text]
            if let require, log.verdict.isIntact, !reaches(require, log) {
                lines.append("required      \(require.rawValue): NOT REACHED")
            }
            return lines.joined(separator: "\n")
        }.joined(separator: "\n\n")
    }

    private func isEnough(_ log: VerifiedLog) -> Bool {
        guard log.verdict.isIntact, !complete || log.verdict.isComplete else { return false }
        return require.map { reaches($0, log) } ?? true
    }

    private func reaches(_ level: LogVerdict.Level, _ log: VerifiedLog) -> Bool {
        log.verdict.level.map { $0 >= level } ?? false
    }

    private enum Keys: String, CodingKey {
        case logs, sufficient
    }

    func encode(to encoder: any Encoder) throws {
        // One log is the document itself, so that a program need not look into a list of one.
        if !all, let log = logs.first { return try log.encode(to: encoder) }
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(status == .success, forKey: .sufficient)
        try container.encode(logs, forKey: .logs)
    }
}

struct VerifiedLog: Encodable, Sendable {
    let verdict: LogVerdict
    let folder: FilePath
    let isPinned: Bool

    init(_ verdict: LogVerdict, folder: FilePath, isPinned: Bool) {
        self.verdict = verdict
        self.folder = folder
        self.isPinned = isPinned
    }

    var text: String {
        var lines = ["log           \(Plain.line(verdict.origin ?? "unknown")) in \(folder)"]
        lines.append("records       \(Words.count(verdict.records)) (\(Words.size(verdict.bytes)))\(period)")
        if verdict.firstRead > 0 {
            lines.append(
                "              the first \(Words.count(verdict.firstRead)) are covered by the checkpoint and were not read "
                    + "again (--full does)")
        }
        if verdict.pruned > 0 {
            lines.append("              of the first \(Words.count(verdict.pruned)) only the hashes are kept")
        }
        lines.append("root          \(verdict.root)")
        lines.append("integrity     \(verdict.isIntact ? "intact: \(level)" : "BROKEN")")
        lines += verdict.findings.map { finding in
            "              \(finding.record.map { "record \($0): " } ?? "")\(Plain.line(finding.what))"
        }
        if let anchor = verdict.anchor {
            let until = anchor.until.map { ", until \($0.brief)" } ?? ""
            lines.append(
                "protected     the first \(Words.plural(anchor.size, "record"))\(until), by \(Plain.line(anchor.from))")
        } else {
            lines.append("protected     nothing yet: keep a checkpoint elsewhere (dbaudit checkpoint, dbaudit anchors)")
        }
        lines.append("completeness  \(completeness)")
        lines += verdict.gaps.map { gap in
            "              \(gap.record.map { "record \($0): " } ?? "")\(Plain.line(gap.what))"
        }
        lines += verdict.notes.map { "note          \(Plain.line($0))" }
        return lines.joined(separator: "\n")
    }

    private var period: String {
        guard let first = verdict.first, let last = verdict.last else { return "" }
        return ", \(first.brief) to \(last.brief)"
    }

    private var level: String {
        switch verdict.level {
        case .fresh: "L3 consistent with a checkpoint kept elsewhere that is young enough"
        case .anchored: "L2 consistent with a checkpoint kept elsewhere"
        case .signed where isPinned: "L1 signed by the pinned key"
        case .signed: "L1 signed by the key in the log's own folder (pin it: --key; keep a checkpoint: --from)"
        case .consistent, nil: "L0 consistent in itself"
        }
    }

    private var completeness: String {
        if verdict.isComplete { return "every act that began has an end, and nothing seems to be missing" }
        guard verdict.openActCount > 0 else { return "INCOMPLETE" }
        let acts = verdict.openActs.map { "\(Plain.line($0.action)) (record \($0.record))" }.joined(separator: ", ")
        let more = verdict.openActCount > verdict.openActs.count ? ", ..." : ""
        return "INCOMPLETE: \(Words.plural(verdict.openActCount, "act")) began and did not end: \(acts)\(more)"
    }

    private enum Keys: String, CodingKey {
        case folder, intact, complete, level, keyPinned, origin, records, bytes, firstRead, pruned, root, first, last
        case checkpointSize, anchor, findings, openActs, openActCount, gaps, notes
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(folder.string, forKey: .folder)
        try container.encode(verdict.isIntact, forKey: .intact)
        try container.encode(verdict.isComplete, forKey: .complete)
        try container.encodeIfPresent(verdict.level, forKey: .level)
        try container.encode(isPinned, forKey: .keyPinned)
        try container.encodeIfPresent(verdict.origin, forKey: .origin)
        try container.encode(verdict.records, forKey: .records)
        try container.encode(verdict.bytes, forKey: .bytes)
        try container.encode(verdict.firstRead, forKey: .firstRead)
        try container.encode(verdict.pruned, forKey: .pruned)
        try container.encode(verdict.root.hex, forKey: .root)
        try container.encodeIfPresent(verdict.first, forKey: .first)
        try container.encodeIfPresent(verdict.last, forKey: .last)
        try container.encodeIfPresent(verdict.checkpointSize, forKey: .checkpointSize)
        try container.encodeIfPresent(verdict.anchor, forKey: .anchor)
        try container.encode(verdict.findings, forKey: .findings)
        try container.encode(verdict.openActs, forKey: .openActs)
        try container.encode(verdict.openActCount, forKey: .openActCount)
        try container.encode(verdict.gaps, forKey: .gaps)
        try container.encode(verdict.notes, forKey: .notes)
    }
}
