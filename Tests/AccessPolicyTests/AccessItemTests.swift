import Testing

@testable import AccessPolicy

struct `An item of an access control list` {
    @Test func `says who holds what, granted by whom`() throws {
        let item = try #require(AccessItem("reader=r*w/owner"))
        #expect(item.grantee == .role("reader"))
        #expect(item.held == HeldPrivileges(grantor: "owner", [.select, .update], grantable: .select))
    }

    @Test func `is for everybody when it names nobody`() throws {
        let item = try #require(AccessItem("=X/postgres"))
        #expect(item.grantee == .everyone)
        #expect(item.held.privileges == .execute)
    }

    @Test func `quotes names`() throws {
        let item = try #require(AccessItem(#""a=b/""c""*"=arwdDxtm/"Ö 1""#))
        #expect(item.grantee == .role(#"a=b/"c"*"#))
        #expect(item.held.grantor == "Ö 1")
        #expect(item.held.privileges == ObjectKind.table.privileges)
    }

    @Test(arguments: ["", "reader", "reader=r", "reader=?/owner", "\"reader=r/owner", "reader=r/owner/x"])
    func `is nothing else`(text: String) {
        #expect(AccessItem(text) == nil)
    }
}
