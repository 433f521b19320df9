/// What a statement came to.
enum TestAnswer: Equatable {
    /// It was done: its rows as PostgreSQL prints them, and how many it returned or changed.
    case done(rows: [[String?]], touched: Int)
    /// The server refused it.
    case refused(code: String, routine: String?, sentence: String)
}

extension AccessTest.Expectation {
    /// Whether row security can be what makes this come true: only what counts rows.
    var countsRows: Bool {
        switch self {
        case .rows, .affected: true
        case .denied, .error: false
        }
    }

    /// Holds what came against what is expected.
    func judge(_ answer: TestAnswer) -> Judgement {
        switch (self, answer) {
        case (.rows(let expected), .done(let found, _)): Self.compare(expected, found)
        case (.affected(let expected), .done(_, let count)): Self.compare(expected, count)
        case (.denied(.policy), .done(_, 0)):
            Judgement(
                .failed, "expected a policy to refuse the row, but there was none to refuse: policies filtered it away")
        case (.denied, .done(_, let count)): Self.wasDone(count)
        case (.error(let code), .done(_, let count)):
            Judgement(.leak, "expected to fail with \(code), but it was done, with \(Self.rows(count))")
        case (.error(let expected), .refused(let code, _, _)) where code == expected: .proved
        case (.denied(let denial), .refused("42501", let routine, let sentence)):
            denial.judge(Refusal(routine: routine), sentence)
        case (_, .refused("42501", _, let sentence)): Judgement(.failed, "it was denied: \(sentence)")
        case (.denied, .refused("25006", _, let sentence)):
            // Any role may switch that setting off, so it protects nothing.
            Judgement(.failed, "only the role's default_transaction_read_only stopped it: \(sentence)")
        case (_, .refused(_, _, let sentence)): Judgement(.failed, "it failed: \(sentence)")
        }
    }

    private static func wasDone(_ count: Int) -> Judgement {
        let advice =
            count == 0 ? ": policies that filter rows deny nothing, so expect {\"affected\": 0} or no rows" : ""
        return Judgement(.leak, "expected to be denied, but it was done, with \(rows(count))\(advice)")
    }

    private static func compare(_ expected: Int, _ found: Int) -> Judgement {
        guard found != expected else { return .proved }
        return Judgement(
            found > expected ? .leak : .failed, "expected \(rows(expected)) to be changed, but \(found) \(was(found))")
    }

    private static func compare(_ expected: [[String?]], _ found: [[String?]]) -> Judgement {
        guard found != expected else { return .proved }
        return Judgement(
            hasMore(found, than: expected) ? .leak : .failed, "expected \(text(expected)), found \(text(found))")
    }

    /// More came than declared: rows that nobody expected, or a larger count.
    private static func hasMore(_ found: [[String?]], than expected: [[String?]]) -> Bool {
        if found.count == 1, expected.count == 1, found[0].count == 1, expected[0].count == 1,
            let left = found[0][0].flatMap(Int.init), let right = expected[0][0].flatMap(Int.init)
        {
            return left > right
        }
        var missing: [[String?]: Int] = [:]
        for row in expected { missing[row, default: 0] += 1 }
        for row in found {
            guard let count = missing[row], count > 0 else { return true }
            missing[row] = count - 1
        }
        return false
    }

    static func rows(_ count: Int) -> String {
        count == 1 ? "1 row" : "\(count) rows"
    }

    private static func was(_ count: Int) -> String { count == 1 ? "was" : "were" }

    private static func text(_ rows: [[String?]]) -> String {
        guard rows.count <= 3 else { return Self.rows(rows.count) }
        return "[" + rows.map { "[" + $0.map { $0 ?? "NULL" }.joined(separator: ", ") + "]" }.joined(separator: ", ")
            + "]"
    }
}

/// What raised `insufficient_privilege` (42501): the server tells it by the function that did, never by translated text.
enum Refusal {
    case grant
    case policy
    case other

    init(routine: String?) {
        switch routine {
        case .some("ExecWithCheckOptions"): self = .policy
        case .some(let name) where name.hasPrefix("aclcheck_error"): self = .grant
        default: self = .other
        }
    }
}

extension AccessTest.Denial {
    fileprivate func judge(_ refusal: Refusal, _ sentence: String) -> Judgement {
        switch (self, refusal) {
        case (.any, _), (.grant, .grant), (.policy, .policy): .proved
        case (.grant, .policy):
            Judgement(.leak, "the privilege is there, and only a policy refused the row: \(sentence)")
        case (.policy, .grant):
            Judgement(.failed, "the privilege is missing, so that no policy was asked: \(sentence)")
        case (_, .other):
            Judgement(.failed, "neither a missing privilege nor a policy refused it: \(sentence)")
        }
    }
}
