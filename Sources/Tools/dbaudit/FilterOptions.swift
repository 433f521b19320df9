import ArgumentParser
import AuditLog
import Console
import Platform

/// Which records are wanted; all parts that are given must hold.
struct FilterOptions: ParsableArguments, Sendable {
    @Option(help: "From this time on: 2026-11-26, 2026-11-26T09:00:00Z, or how long ago: 30m, 12h, 7d.")
    var since: String?

    @Option(help: "Before this time, in the same forms; a day counts from its beginning.")
    var until: String?

    @Option(help: "Only this action, such as backup.run, or all of one kind: backup. May be given again.")
    var action: [String] = []

    @Option(help: "Only this account, sudo user or database role.")
    var actor: String?

    @Option(help: "Only what touched this: part of a database's, backup's, object's or cluster's name.")
    var target: String?

    @Option(help: "Only success, or only failure.")
    var outcome: String?

    @Option(help: "Only records that have this text somewhere.")
    var text: String?

    @Flag(name: .shortAndLong, help: "Capital and small letters are the same in --text, --target and --actor.")
    var ignoreCase = false

    func validate() throws {
        if let outcome, AuditRecord.Outcome(rawValue: outcome) == nil {
            throw ValidationError("--outcome is success or failure")
        }
        for (name, time) in [("--since", since), ("--until", until)] {
            if let time, Self.time(time, now: Timestamp.now()) == nil {
                throw ValidationError("\(name) \(time): not a time such as 2026-11-26, 2026-11-26T09:00:00Z or 7d")
            }
        }
    }

    func filter(now: Timestamp) -> RecordFilter {
        var filter = RecordFilter()
        filter.since = since.flatMap { Self.time($0, now: now) }
        filter.until = until.flatMap { Self.time($0, now: now) }
        filter.actions = action
        filter.actor = actor
        filter.target = target
        filter.outcome = outcome.flatMap { AuditRecord.Outcome(rawValue: $0) }
        filter.text = text
        filter.ignoresCase = ignoreCase && (text ?? target ?? actor) != nil
        return filter
    }

    private static let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604_800]

    static func time(_ text: String, now: Timestamp) -> Timestamp? {
        if let unit = text.last, let seconds = Self.units[unit],
            let number = Int64(text.dropLast()), (0...100_000).contains(number)
        {
            return now.advanced(bySeconds: -number * seconds)
        }
        return Timestamp(text) ?? Timestamp("\(text)T00:00:00Z")
    }
}
