import FoundationEssentials

/// The values inside of JSON documents, by the keys that lead to them.
enum JSONLeaves {
    /// What stands under each path; the elements of a list count for the list.
    static func collect(_ documents: [String], limit: Int = 100) -> [(path: [String], values: [String])] {
        var found: [[String]: [String]] = [:]
        var order: [[String]] = []
        for document in documents {
            guard let value = try? JSONDecoder().decode(Value.self, from: Data(document.utf8)) else { continue }
            value.visit([]) { path, text in
                if found[path] == nil {
                    // Keys made of data, as a map from names to things, would never end.
                    guard order.count < limit else { return }
                    order.append(path)
                }
                found[path, default: []].append(String(text.prefix(500)))
            }
        }
        return order.sorted { $0.lexicographicallyPrecedes($1) }.map { ($0, found[$0] ?? []) }
    }

    private indirect enum Value: Decodable {
        case text(String)
        case other
        case list([Value])
        case object([String: Value])

        init(from decoder: any Decoder) throws {
            if let container = try? decoder.container(keyedBy: AnyName.self) {
                var object: [String: Value] = [:]
                for key in container.allKeys { object[key.stringValue] = try container.decode(Value.self, forKey: key) }
                self = .object(object)
            } else if var container = try? decoder.unkeyedContainer() {
                var list: [Value] = []
                while !container.isAtEnd, list.count < 100 { list.append(try container.decode(Value.self)) }
                self = .list(list)
            } else {
                let container = try decoder.singleValueContainer()
                if let text = try? container.decode(String.self) {
                    self = .text(text)
                } else if let number = try? container.decode(Int.self) {
                    self = .text(String(number))
                } else if let number = try? container.decode(Double.self) {
                    self = .text(String(number))
                } else {
                    self = .other
                }
            }
        }

        func visit(_ path: [String], _ body: ([String], String) -> Void) {
            switch self {
            case .text(let text) where !text.isEmpty && !path.isEmpty: body(path, text)
            case .text, .other: break
            case .list(let list): for element in list { element.visit(path, body) }
            case .object(let object): for (key, value) in object { value.visit(path + [key], body) }
            }
        }
    }

    private struct AnyName: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
