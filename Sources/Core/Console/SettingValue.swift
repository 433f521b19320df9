import Platform

/// The value of a setting as the file has it.
package struct SettingValue: Sendable, Equatable {
    /// As compact JSON.
    package let text: String
    package let line: Int?
}

extension Configuration {
    /// What the file says in one section, by key.
    ///
    /// - Throws: `DocumentFailure` with status 78 for a key that is no setting, with the nearest one that is.
    package func values(of section: String) throws -> [String: SettingValue] {
        let known = Setting.all.filter { $0.section == section }.map(\.key)
        let values = try self.section(section, as: [String: AnyJSON].self) ?? [:]
        for key in values.keys.sorted() where !known.contains(key) && key != "$comment" {
            let place = line(of: "\(section).\(key)").map { "line \($0): " } ?? ""
            throw PlainFailure(
                .configuration,
                "cannot read \(file ?? "the configuration"): \(place)\(section): unknown key \"\(key)\""
                    + Suggestion.phrase(for: key, among: Set(known)))
        }
        return Dictionary(
            uniqueKeysWithValues: values.map { key, value in
                (key, SettingValue(text: value.text, line: line(of: "\(section).\(key)")))
            })
    }
}

/// Any JSON value, for printing it again.
private struct AnyJSON: Decodable, Sendable {
    let text: String

    init(from decoder: any Decoder) throws {
        if let object = try? decoder.container(keyedBy: AnyKey.self) {
            let pairs = try object.allKeys.sorted { $0.stringValue < $1.stringValue }.map { key in
                "\(Self.quoted(key.stringValue)): \(try object.decode(AnyJSON.self, forKey: key).text)"
            }
            text = "{\(pairs.joined(separator: ", "))}"
        } else if var array = try? decoder.unkeyedContainer() {
            var elements: [String] = []
            while !array.isAtEnd { elements.append(try array.decode(AnyJSON.self).text) }
            text = "[\(elements.joined(separator: ", "))]"
        } else {
            let value = try decoder.singleValueContainer()
            if value.decodeNil() {
                text = "null"
            } else if let bool = try? value.decode(Bool.self) {
                text = "\(bool)"
            } else if let number = try? value.decode(Int.self) {
                text = "\(number)"
            } else if let number = try? value.decode(Double.self) {
                text = "\(number)"
            } else {
                text = Self.quoted(try value.decode(String.self))
            }
        }
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "\""
    }
}
