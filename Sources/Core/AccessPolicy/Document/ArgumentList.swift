/// The arguments of a routine as psql and CREATE FUNCTION write them: `VARIADIC parts text[]`, `n integer DEFAULT 1, OUT m text`.
struct ArgumentList {
    /// What may be the type of each argument that a call gives: first all words, then all but the name.
    let inputs: [[String]]

    init(_ text: String) {
        inputs = Self.split(text, at: ",").compactMap { argument in
            var words = Self.split(argument, at: " ").filter { !$0.isEmpty }
            if let end = words.firstIndex(where: { ["DEFAULT", "=", ":="].contains($0.uppercased()) }) {
                words.removeSubrange(end...)
            }
            switch words.first?.uppercased() {
            case "OUT"?: return nil
            case "IN"?, "INOUT"?, "VARIADIC"?: words.removeFirst()
            default: break
            }
            let whole = words.joined(separator: " ")
            return words.count < 2 ? [whole] : [whole, words.dropFirst().joined(separator: " ")]
        }
    }

    /// At a character that stands neither in quotes nor in parentheses.
    private static func split(_ text: String, at separator: Unicode.Scalar) -> [String] {
        var parts = [""]
        var (depth, isQuoted) = (0, false)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": isQuoted.toggle()
            case "(" where !isQuoted: depth += 1
            case ")" where !isQuoted: depth -= 1
            case separator where !isQuoted && depth == 0:
                parts.append("")
                continue
            default: break
            }
            parts[parts.count - 1].unicodeScalars.append(scalar)
        }
        return text.isEmpty ? [] : parts
    }
}
