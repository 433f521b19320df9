/// One item of an access control list as PostgreSQL prints it, `reader=r*w/owner`: who holds what, granted by whom
/// (PostgreSQL documentation, 5.8, "Privileges", Table 5.1).
///
/// Read here and not by `aclexplode`, which makes a row of every letter: on 30,000 objects that query alone took 1.3 s.
struct AccessItem {
    let grantee: Grantee
    let held: HeldPrivileges

    /// nil for anything else.
    init?(_ text: String) {
        var rest = Array(text.utf8)[...]
        guard let grantee = Self.takeName(&rest), rest.popFirst() == UInt8(ascii: "=") else { return nil }
        var (privileges, grantable): (PrivilegeSet, PrivilegeSet) = ([], [])
        var last: PrivilegeSet = []
        while let letter = rest.popFirst(), letter != UInt8(ascii: "/") {
            if letter == UInt8(ascii: "*") {
                grantable.formUnion(last)
            } else {
                guard let privilege = Self.letters[letter] else { return nil }
                last = privilege
                privileges.formUnion(privilege)
            }
        }
        guard let grantor = Self.takeName(&rest), !grantor.isEmpty, rest.isEmpty else { return nil }
        // Nobody is PUBLIC.
        self.grantee = grantee.isEmpty ? .everyone : .role(grantee)
        held = HeldPrivileges(grantor: grantor, privileges, grantable: grantable)
    }

    private static let letters: [UInt8: PrivilegeSet] = {
        let all: [(Character, PrivilegeSet)] = [
            ("r", .select), ("a", .insert), ("w", .update), ("d", .delete), ("D", .truncate), ("x", .references),
            ("t", .trigger), ("m", .maintain), ("X", .execute), ("U", .usage), ("C", .create), ("T", .temporary),
            ("c", .connect), ("s", .set), ("A", .alterSystem),
        ]
        return Dictionary(uniqueKeysWithValues: all.map { ($0.asciiValue ?? 0, $1) })
    }()

    /// A role's name: in quotes, those in it doubled, unless it is of letters, digits and underscores.
    private static func takeName(_ rest: inout ArraySlice<UInt8>) -> String? {
        let quote = UInt8(ascii: "\"")
        guard rest.first == quote else {
            let name = rest.prefix { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "/") }
            rest = rest.dropFirst(name.count)
            return String(decoding: name, as: UTF8.self)
        }
        rest.removeFirst()
        var name: [UInt8] = []
        while let byte = rest.popFirst() {
            guard byte == quote else {
                name.append(byte)
                continue
            }
            guard rest.first == quote else { return String(decoding: name, as: UTF8.self) }
            rest.removeFirst()
            name.append(quote)
        }
        return nil
    }
}
