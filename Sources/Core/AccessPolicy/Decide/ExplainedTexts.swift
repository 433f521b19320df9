import FoundationEssentials

/// All the words of a plan, whatever node they stand in: what a statement depends on.
struct ExplainedTexts {
    private let expressions: [PolicyExpression]
    /// The tables whose rows it adds, changes or removes.
    let changed: [ObjectName]

    init(json: String) throws {
        let walk = try JSONDecoder().decode(Walk.self, from: Data(json.utf8))
        expressions = walk.texts.map { PolicyExpression($0, table: "") }
        changed = Set(walk.changed).sorted()
    }

    /// `current_user` and its like.
    var namesCaller: Bool { expressions.contains { !$0.callerWords.isEmpty } }

    var functions: [String] { Set(expressions.flatMap { $0.calls.map(\.name) }).sorted() }

    private struct Walk: Decodable {
        var texts: [String] = []
        var changed: [ObjectName] = []

        init(from decoder: any Decoder) throws {
            if let object = try? decoder.container(keyedBy: Key.self) {
                for key in object.allKeys { add(try object.decode(Walk.self, forKey: key)) }
                if try object.decodeIfPresent(String.self, forKey: Key("Node Type")) == "ModifyTable",
                    let schema = try object.decodeIfPresent(String.self, forKey: Key("Schema")),
                    let name = try object.decodeIfPresent(String.self, forKey: Key("Relation Name"))
                {
                    changed.append(ObjectName(schema, name))
                }
            } else if var list = try? decoder.unkeyedContainer() {
                while !list.isAtEnd { add(try list.decode(Walk.self)) }
            } else if let text = try? decoder.singleValueContainer().decode(String.self) {
                texts = [text]
            }
        }

        private mutating func add(_ other: Walk) {
            texts += other.texts
            changed += other.changed
        }
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
