/// JSON that people will read and change: members in the order given, and on one line what fits there.
indirect enum JSONText: Hashable, Sendable {
    case object([Member])
    case array([JSONText])
    case string(String)
    case number(Int)
    case bool(Bool)

    struct Member: Hashable, Sendable {
        let key: String
        let value: JSONText

        init(_ key: String, _ value: JSONText) {
            self.key = key
            self.value = value
        }
    }

    private static let width = 118

    static func strings(_ list: some Sequence<String>) -> JSONText { .array(list.map { .string($0) }) }

    /// The text with `indent` blanks before every line but the first.
    func text(indent: Int = 0, behind used: Int = 0, isOpen: Bool = false) -> String {
        let line = compact
        if !isOpen, indent + used + line.unicodeScalars.count <= Self.width { return line }
        let inner = indent + 2
        let pad = "\n" + String(repeating: " ", count: inner)
        let end = "\n" + String(repeating: " ", count: indent)
        switch self {
        case .object(let members) where !members.isEmpty:
            let lines = members.map { member in
                let key = Self.quoted(member.key) + ": "
                return key + member.value.text(indent: inner, behind: key.unicodeScalars.count + 1)
            }
            return "{" + pad + lines.joined(separator: "," + pad) + end + "}"
        case .array(let items) where !items.isEmpty:
            return "[" + pad + items.map { $0.text(indent: inner, behind: 1) }.joined(separator: "," + pad) + end + "]"
        default:
            return line
        }
    }

    private var compact: String {
        switch self {
        case .object(let members):
            members.isEmpty
                ? "{}"
                : "{ " + members.map { "\(Self.quoted($0.key)): \($0.value.compact)" }.joined(separator: ", ") + " }"
        case .array(let items): "[" + items.map(\.compact).joined(separator: ", ") + "]"
        case .string(let text): Self.quoted(text)
        case .number(let number): String(number)
        case .bool(let value): value ? "true" : "false"
        }
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
