import Platform

/// Who owns some objects, all of one kind.
package struct OwnerDeclaration: Sendable {
    package let owner: String
    package let target: GrantDeclaration.Target

    package init(_ owner: String, of target: GrantDeclaration.Target) {
        self.owner = owner
        self.target = target
    }
}

extension OwnerDeclaration: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case owner, on
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        let target = try container.decode(GrantDeclaration.Target.self, forKey: .on)
        switch target.kind {
        case .column: throw container.rejection(.on, "a column has no owner but its table's")
        case .parameter: throw container.rejection(.on, "a parameter has no owner")
        case .foreignDataWrapper:
            throw container.rejection(.on, "only a superuser owns a foreign data wrapper, and no policy makes one")
        default: break
        }
        self.init(try container.decode(String.self, forKey: .owner), of: target)
    }
}
