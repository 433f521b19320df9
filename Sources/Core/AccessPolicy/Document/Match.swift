package import Platform
import PostgresClient

/// The template behind `match`: a column equals a setting, or is a group that the setting is a member of.
package struct Match: Sendable {
    /// The table that says which groups a member belongs to.
    package struct Through: Sendable {
        package let table: ObjectName
        /// Its column that the setting is compared with.
        package let member: String
        /// Its column whose values the policy's column may have.
        package let group: String

        package init(table: ObjectName, member: String, group: String) {
            self.table = table
            self.member = member
            self.group = group
        }
    }

    package let column: String
    package let type: String
    package let setting: String
    package let through: Through?

    package init(column: String, type: String, setting: String, through: Through? = nil) {
        self.column = column
        self.type = type
        self.setting = setting
        self.through = through
    }

    /// True for the rows whose column equals the setting, for none when it is unset or empty, and fast.
    ///
    /// A setting that was reset is '' and not NULL, so a bare cast would raise; the sub-select makes the planner compute
    /// it once for the statement and not once for each row.
    package func expression() throws(PlainFailure) -> String {
        let value = "nullif(pg_catalog.current_setting(\(try Quoting.literal(setting)), true), '')"
        let own = "(SELECT \(value)::\(type))"
        guard let through else { return "\(try Quoting.identifier(column)) = \(own)" }
        // One alias for the table, so that no column of the policy's own table can be meant inside.
        let table = try Quoting.identifier(through.table.schema) + "." + Quoting.identifier(through.table.name)
        return
            "\(try Quoting.identifier(column)) IN (SELECT m.\(try Quoting.identifier(through.group)) FROM \(table) m "
            + "WHERE m.\(try Quoting.identifier(through.member)) = \(own))"
    }
}

extension Match: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case column, type, setting, through
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        let type = try container.decode(String.self, forKey: .type)
        // The type stands in SQL as it is; these characters spell every type name and nothing else.
        let isType = !type.isEmpty && type.allSatisfy { $0.isLetter || $0.isNumber || "_ .,()[]\"".contains($0) }
        guard isType else { throw container.rejection(.type, "\"\(type)\" is not the name of a type") }
        let setting = try container.decode(String.self, forKey: .setting)
        guard setting.contains("."), !setting.hasPrefix("."), !setting.hasSuffix(".") else {
            throw container.rejection(
                .setting, "\"\(setting)\" is not a setting of your own, as app.user_id would be")
        }
        self.init(
            column: try container.decode(String.self, forKey: .column), type: type, setting: setting,
            through: try container.decodeIfPresent(Through.self, forKey: .through))
    }
}

extension Match.Through: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case table, member, group
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        let table = try container.decode(String.self, forKey: .table)
        do throws(NameParser.Problem) {
            self.table = try NameParser.object(table)
        } catch {
            throw container.rejection(.table, error.sentence)
        }
        member = try container.decode(String.self, forKey: .member)
        group = try container.decode(String.self, forKey: .group)
    }
}
