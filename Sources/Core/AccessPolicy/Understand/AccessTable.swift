/// The report as comma-separated values (RFC 4180), for a spreadsheet.
///
/// A cell that a spreadsheet would take for a formula begins with an apostrophe.
package struct AccessTable: Sendable {
    /// A cell holds 32,767 characters in the usual spreadsheets, a name 63 bytes.
    private static let namesInCell = 400

    package static func text(of report: AccessReport) -> String {
        var lines = [
            [
                "role", "can log in", "kind", "in", "objects", "all of them", "privileges", "needs SET ROLE", "how",
                "rows",
                "no use because",
            ]
        ]
        let logins = Set(report.content.roles.filter(\.login).map(\.name))
        for role in report.content.roles where role.superuser {
            lines.append([
                role.name, role.login ? "yes" : "no", "everything", "", "", "yes", "everything", "", "superuser", "",
                "",
            ])
        }
        for group in report.content.groups {
            for place in group.objects {
                for names in chunks(of: place.names) {
                    for access in group.access {
                        lines += rows(access, place, names, group.form ?? group.kind.rawValue, logins)
                    }
                }
            }
        }
        return lines.map { $0.map(cell).joined(separator: ",") + "\r\n" }.joined()
    }

    private static func chunks(of names: [String]) -> [[String]] {
        stride(from: 0, to: names.count, by: namesInCell).map {
            Array(names[$0..<min($0 + namesInCell, names.count)])
        }
    }

    private static func rows(
        _ access: AccessMatrix.Access, _ place: AccessMatrix.Place, _ names: [String], _ kind: String,
        _ logins: Set<String>
    ) -> [[String]] {
        let filters = access.rows.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        return access.roles.map { role in
            [
                role, role == "PUBLIC" || logins.contains(role) ? "yes" : "no", kind, place.container,
                names.joined(separator: ", "), place.isAll ? "yes" : "no", access.privileges.joined(separator: ", "),
                access.setRole ?? "", access.how.joined(separator: " -> "), filters.joined(separator: "; "),
                access.missing ?? "",
            ]
        }
    }

    static func cell(_ text: String) -> String {
        let isFormula = text.unicodeScalars.first.map { "=+-@\t\r".unicodeScalars.contains($0) } ?? false
        let safe = isFormula ? "'" + text : text
        // By scalars: a carriage return and a line feed are one Character.
        guard safe.unicodeScalars.contains(where: { ",\"\r\n".unicodeScalars.contains($0) }) else { return safe }
        return "\"" + safe.replacing("\"", with: "\"\"") + "\""
    }
}
