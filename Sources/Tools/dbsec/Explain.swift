import AccessPolicy
import ArgumentParser
import Console
import Platform

struct Explain: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Explain what a role may do with an object, and by which path.",
        details: """
            Follows memberships, grants, ownership and row security as PostgreSQL does. With --privilege the exit code is 1 if
            the role does not have that one.
            """,
        examples: [
            "dbsec explain app_user public.orders", "dbsec explain app_user public.orders --privilege DELETE",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Argument(help: "The role.")
    var role: String

    @Argument(help: "The object, named as in a policy: public.orders, public.users.email, public.total(integer).")
    var object: String

    @Option(help: "The kind of object, where its name does not tell: \(ObjectKind.allNames).")
    var kind: ObjectKind?

    @Option(help: "Only this privilege; exit code 1 if the role does not have it.")
    var privilege: String?

    func run(_ context: Context) async throws -> any Report {
        let question = try await AccessQuestion.ask(about: object, kind: kind, on: try await server.connect(context))
        try question.checkRole(role)
        let asked = try privilege.map { try question.privilege($0) }
        return ExplanationReport(question.access.explain(role, on: question.object, only: asked), isAsked: asked != nil)
    }
}

struct ExplanationReport: Report {
    private let explanation: Explanation
    private let isAsked: Bool

    init(_ explanation: Explanation, isAsked: Bool) {
        self.explanation = explanation
        self.isAsked = isAsked
    }

    var status: ExitStatus {
        isAsked && !explanation.answers.allSatisfy(\.isAllowed) ? .negative : .success
    }

    var text: String {
        var lines = ["\(spelled(explanation.role)) on \(explanation.object.kind.rawValue) \(explanation.object):"]
        for answer in explanation.answers { lines += self.lines(answer) }
        for note in [explanation.remark, explanation.cannotConnect].compactMap(\.self) {
            lines.append("  note: \(note)")
        }
        return lines.map(Plain.line).joined(separator: "\n")
    }

    private func lines(_ answer: Explanation.Answer) -> [String] {
        let verdict =
            answer.isAllowed ? "yes" : answer.isAllowedOnColumns ? "some columns" : "no"
        let head = "  \(answer.privilege): \(verdict)\(answer.isGrantable ? ", and may grant it" : "")"
        let ways = answer.ways.map { "    \($0.text(answer.privilege))" }
        let columns = answer.columns.sorted { $0.key < $1.key }.flatMap { column, ways in
            ways.map { "    column \(spelled(column)): \($0.text(answer.privilege))" }
        }
        return [head] + ways + columns
    }

    private enum Keys: String, CodingKey {
        case role, object, kind, canLogin, privileges, remark
    }

    private enum AnswerKeys: String, CodingKey {
        case privilege, allowed, grantable, ways, columns
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(explanation.role, forKey: .role)
        try container.encode(explanation.object.description, forKey: .object)
        try container.encode(explanation.object.kind, forKey: .kind)
        try container.encode(explanation.cannotConnect == nil, forKey: .canLogin)
        try container.encodeIfPresent(explanation.remark, forKey: .remark)
        var list = container.nestedUnkeyedContainer(forKey: .privileges)
        for answer in explanation.answers {
            var item = list.nestedContainer(keyedBy: AnswerKeys.self)
            try item.encode(answer.privilege.description, forKey: .privilege)
            try item.encode(answer.isAllowed, forKey: .allowed)
            try item.encode(answer.isGrantable, forKey: .grantable)
            try item.encode(answer.ways.map { WayDocument($0, answer.privilege) }, forKey: .ways)
            guard !answer.columns.isEmpty else { continue }
            try item.encode(
                answer.columns.mapValues { $0.map { WayDocument($0, answer.privilege) } }, forKey: .columns)
        }
    }
}
