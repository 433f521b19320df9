import Platform

extension AuditReport {
    /// The report as one JSON document; the page carries the same.
    package func json() -> [UInt8] {
        var json = PageJSON()
        json.object { json in
            json.member("schema", 1)
            json.member("kind", "audit-report")
            json.member("madeAt", madeAt.brief)
            json.member("madeBy", madeBy)
            json.member("host", host)
            json.member("asked", asked)
            json.object("period") {
                $0.member("since", filter.since?.brief)
                $0.member("until", filter.until?.brief)
                $0.member("first", tally.first.text)
                $0.member("last", tally.last.text)
            }
            addVerdict(&json)
            addTotals(&json)
            addTimeline(&json)
            addActors(&json)
            addBackups(&json)
            addLogins(&json)
            addDecryptions(&json)
            addGroups("findings", "finding", tally.findings, &json)
            addGroups("failures", "failure", tally.failures, &json)
            addRecords(&json)
        }
        return json.bytes
    }

    /// Longer lists are cut, and say so.
    private static let listLimit = 500

    private func addVerdict(_ json: inout PageJSON) {
        json.object("log") {
            $0.member("origin", verdict.origin)
            $0.member("records", verdict.records)
            $0.member("root", verdict.root)
            $0.member("checkpoint", verdict.checkpoint)
            $0.member("verifierKey", verdict.verifierKey)
        }
        json.object("verdict") { json in
            json.member("intact", verdict.isIntact)
            json.member("complete", verdict.isComplete)
            json.member("level", verdict.level)
            json.member("keyPinned", verdict.isKeyPinned)
            json.member("openActCount", verdict.openActCount)
            json.member("protectedRecords", verdict.protectedRecords)
            json.member("protectedUntil", verdict.protectedUntil)
            json.array("findings") { json in
                for finding in verdict.findings {
                    json.object {
                        $0.member("record", finding.record)
                        $0.member("what", finding.what)
                    }
                }
            }
            json.array("openActs") { json in
                for act in verdict.openActs {
                    json.object {
                        $0.member("record", act.record)
                        $0.member("action", act.action)
                    }
                }
            }
            json.array("gaps") { json in for gap in verdict.gaps { json.element(gap) } }
            json.array("notes") { json in for note in verdict.notes { json.element(note) } }
        }
    }

    private func addTotals(_ json: inout PageJSON) {
        func count(_ kind: ReportRow.Kinds) -> Int { tally.counts[kind.rawValue] ?? 0 }
        json.object("totals") {
            $0.member("records", tally.records)
            $0.member("acts", tally.acts)
            $0.member("unreadable", tally.unreadable)
            $0.member("actors", tally.actors.count)
            $0.member("failures", count(.failure))
            $0.member("privileged", count(.privileged))
            $0.member("decryptions", count(.decryption))
            $0.member("findings", count(.finding))
            $0.member("backups", tally.backups.values.filter { $0.outcome == "success" }.count)
            $0.member("proved", tally.backups.values.filter { $0.isProved }.count)
            $0.member("logins", tally.logins.values.reduce(0) { $0 + $1.admitted })
            $0.member("refused", tally.logins.values.reduce(0) { $0 + $1.refused })
            $0.member("lockouts", tally.logins.values.reduce(0) { $0 + $1.lockouts })
        }
    }

    /// At most 96 columns, each of a length that people count in.
    private func addTimeline(_ json: inout PageJSON) {
        let slots = tally.timeline.compactMap { slot, counts in
            Moment.begin(ofSlot: slot).map { (moment: $0.microseconds / 1_000_000, counts: counts) }
        }
        guard let first = slots.map(\.moment).min(), let last = slots.map(\.moment).max() else { return }
        let lengths: [Int64] = [
            300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 7 * 86400, 28 * 86400, 91 * 86400, 364 * 86400,
        ]
        let seconds = lengths.first { (last - first) / $0 < 95 } ?? lengths[lengths.count - 1]
        let start = first - first % seconds
        let columns = min(400, Int((last - start) / seconds) + 1)
        var counts = Array(
            repeating: Array(repeating: 0, count: columns), count: ReportRow.categories.count + 1)
        for slot in slots {
            let column = min(columns - 1, Int((slot.moment - start) / seconds))
            for (category, number) in slot.counts.enumerated() { counts[category][column] += number }
        }
        json.object("timeline") { json in
            json.member("start", Timestamp(seconds: start).brief)
            json.member("seconds", Int(seconds))
            json.array("categories") { json in for name in ReportRow.categories { json.element(name) } }
            json.array("counts") { json in
                for row in counts.dropLast() { json.array { json in for number in row { json.element(number) } } }
            }
            json.array("failures") { json in for number in counts[counts.count - 1] { json.element(number) } }
        }
    }

    private func list<Value>(
        _ name: String, _ values: [Value], _ json: inout PageJSON, _ add: (Value, inout PageJSON) -> Void
    ) {
        json.object(name) { json in
            json.member("total", values.count)
            json.array("rows") { json in
                for value in values.prefix(Self.listLimit) { json.object { add(value, &$0) } }
            }
        }
    }

    private func addActors(_ json: inout PageJSON) {
        let actors = tally.actors.sorted { ($1.value.acts, $0.key) < ($0.value.acts, $1.key) }
        list("actors", actors, &json) { actor, json in
            json.member("actor", actor.key)
            json.member("acts", actor.value.acts)
            json.member("failures", actor.value.failures)
            json.member("first", actor.value.first.text)
            json.member("last", actor.value.last.text)
            json.array("actions") { json in
                let actions = actor.value.actions.sorted { ($1.value.acts, $0.key) < ($0.value.acts, $1.key) }
                for (name, count) in actions.prefix(40) {
                    json.array {
                        $0.element(name)
                        $0.element(count.acts)
                        $0.element(count.failures)
                    }
                }
            }
        }
    }

    private func addBackups(_ json: inout PageJSON) {
        let backups = tally.backups.sorted { ($0.value.at, $0.key) > ($1.value.at, $1.key) }
        list("backups", backups, &json) { backup, json in
            json.member("backup", backup.key)
            json.member("cluster", backup.value.cluster)
            json.member("at", backup.value.at)
            json.member("actor", backup.value.actor)
            json.member("outcome", backup.value.outcome)
            json.member("bytes", Int(backup.value.bytes))
            json.member("databases", backup.value.databases)
            json.array("proofs") { json in
                for proof in backup.value.proofs {
                    json.object {
                        $0.member("level", proof.level)
                        $0.member("verdict", proof.verdict)
                        $0.member("at", proof.at)
                        $0.member("actor", proof.actor)
                        $0.member("good", proof.isGood)
                    }
                }
            }
        }
    }

    private func addLogins(_ json: inout PageJSON) {
        let logins = tally.logins.sorted {
            ($1.value.lockouts, $1.value.refused, $1.value.admitted, $0.key)
                < ($0.value.lockouts, $0.value.refused, $0.value.admitted, $1.key)
        }
        list("logins", logins, &json) { login, json in
            json.member("who", login.key)
            json.member("admitted", login.value.admitted)
            json.member("refused", login.value.refused)
            json.member("lockouts", login.value.lockouts)
            json.member("last", login.value.last.text)
        }
    }

    private func addDecryptions(_ json: inout PageJSON) {
        let decryptions = tally.decryptions.sorted { ($1.value.last, $0.key) < ($0.value.last, $1.key) }
        list("decryptions", decryptions, &json) { decryption, json in
            let parts = decryption.key.split(separator: "\u{1F}", maxSplits: 2, omittingEmptySubsequences: false)
            for (name, part) in zip(["who", "action", "what"], parts) { json.member(name, String(part)) }
            json.member("acts", decryption.value.acts)
            json.member("failures", decryption.value.failures)
            json.member("values", decryption.value.values)
            json.member("last", decryption.value.last.text)
        }
    }

    private func addGroups(
        _ name: String, _ what: String, _ groups: [String: ReportTally.Group], _ json: inout PageJSON
    ) {
        let sorted = groups.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
        list(name, sorted, &json) { group, json in
            let parts = group.key.split(separator: "\u{1F}", maxSplits: 1, omittingEmptySubsequences: false)
            json.member(what, String(parts[0]))
            if parts.count > 1 { json.member("reason", String(parts[1])) }
            json.member("count", group.value.count)
            json.member("first", group.value.first.text)
            json.member("last", group.value.last.text)
            json.member("record", group.value.seq)
        }
    }

    private func addRecords(_ json: inout PageJSON) {
        json.object("records") { json in
            json.member("total", tally.acts)
            json.member("shown", rows.count)
            json.array("columns") { json in
                for name in ["record", "time", "action", "outcome", "actor", "target", "details", "kinds"] {
                    json.element(name)
                }
            }
            json.array("rows") { json in
                for row in rows {
                    json.array {
                        $0.element(row.seq)
                        $0.element(row.moment)
                        $0.element(row.action)
                        $0.element(row.outcome)
                        $0.element(row.actorWords)
                        $0.element(row.target.map { "\($0.name) \($0.text)" }.joined(separator: ", "))
                        $0.element(row.details)
                        $0.element(row.kinds.rawValue)
                    }
                }
            }
        }
    }
}

extension ReportRow {
    /// Who it was, and as whom.
    var actorWords: String {
        if isTold { return actor }
        return sudo.isEmpty ? user + (role.isEmpty ? "" : " (role \(role))") : "\(sudo) (sudo \(user))"
    }

    /// Why it failed, and what is known besides.
    var details: String {
        let facts = facts.map { "\($0.name)=\($0.text)" }.joined(separator: " ")
        let text = reason.isEmpty ? facts : facts.isEmpty ? reason : "\(reason) · \(facts)"
        return text.beginning(700)
    }
}

extension ReportTally.Backup {
    /// Whether a restore has shown that the backup holds what it should, and nothing has shown the contrary since.
    var isProved: Bool {
        guard let proof = proofs.last(where: { $0.level == "restore" }) else { return false }
        return proof.isGood
    }
}
