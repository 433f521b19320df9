import Platform
import Testing

@testable import Backups

struct `A pattern of names` {
    @Test(arguments: [
        ("shop", "shop", true), ("shop", "Shop", false), ("test_*", "test_", true), ("test_*", "test_a_b", true),
        ("test_*", "a_test_b", false), ("*_copy", "shop_copy", true), ("*a*b*", "xxaxxbxx", true), ("*a*b", "ab", true),
        ("*a*b", "abc", false), ("?", "é", true), ("?", "", false), ("v?", "v1", true), ("v?", "v12", false),
        ("*", "", true), ("a\\*", "a*", true), ("a\\*", "ab", false), ("a*", "a*", true), ("a\\\\b", "a\\b", true),
        ("a\\b", "a\\b", true), ("end\\", "end\\", true),
    ])
    func `fits what it should`(pattern: String, name: String, fits: Bool) {
        #expect(NamePattern(pattern).matches(name) == fits)
    }

    @Test func `takes no exponential time`() {
        let pattern = NamePattern(String(repeating: "*a", count: 40) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 2000)))
    }
}

struct `The choice of databases` {
    private static let present = [
        ServerDatabase(name: "app"), ServerDatabase(name: "app_test"),
        ServerDatabase(name: "closed", takesConnections: false),
        ServerDatabase(name: "half", isInvalid: true), ServerDatabase(name: "template1", isTemplate: true),
        ServerDatabase(name: "town", isTemplate: true), ServerDatabase(name: "x*"), ServerDatabase(name: "xy"),
    ]

    private func names(_ included: [String], except excluded: [String] = []) throws -> [String] {
        try DatabaseSelection(included, except: excluded).choose(from: Self.present).map(\.name)
    }

    @Test func `is every ordinary one where nothing is said`() throws {
        #expect(try names([]) == ["app", "app_test", "x*", "xy"])
    }

    @Test func `takes and leaves out by pattern`() throws {
        #expect(try names(["app*"]) == ["app", "app_test"])
        #expect(try names([], except: ["*_test", "x?"]) == ["app"])
        #expect(try names(["app*"], except: ["app"]) == ["app_test"])
    }

    @Test func `takes a name with a star exactly where a backslash says so`() throws {
        #expect(try names(["x\\*"]) == ["x*"])
        #expect(try names(["x*"]) == ["x*", "xy"])
    }

    @Test func `takes a template only by its exact name`() throws {
        #expect(try names(["t*", "app"].filter { $0 == "app" }) == ["app"])
        #expect(try names(["template1"]) == ["template1"])
        #expect(throws: PlainFailure.self) { try names(["t*"]) }
    }

    @Test func `refuses what takes no connections, and says why`() {
        let closed = #expect(throws: PlainFailure.self) { try names(["closed"]) }
        #expect(closed?.sentence == "database \"closed\" cannot be backed up: it takes no connections")
        let half = #expect(throws: PlainFailure.self) { try names(["half"]) }
        #expect(half?.sentence == "database \"half\" cannot be backed up: an interrupted DROP DATABASE left it")
        #expect(half?.status == .inputMissing)
    }

    @Test func `refuses a pattern that fits nothing, and leaving out everything`() {
        let pattern = #expect(throws: PlainFailure.self) { try names(["ap_*"]) }
        #expect(pattern?.sentence == "no database that takes connections fits \"ap_*\"")
        let nothing = #expect(throws: PlainFailure.self) { try names([], except: ["*"]) }
        #expect(nothing?.sentence == "no database is left to back up")
    }

    @Test func `says what it leaves out by itself, without names`() {
        let gaps = DatabaseSelection().gaps(among: Self.present)
        #expect(gaps.map(\.what) == ["template database", "database", "database"])
        #expect(
            gaps.map(\.reason) == [
                "a template is backed up only by its exact name", "an interrupted DROP DATABASE left it",
                "it takes no connections",
            ])
        #expect(gaps.map(\.count) == [1, 1, 1])
        #expect(DatabaseSelection(["app"]).gaps(among: Self.present).isEmpty)
        #expect(DatabaseSelection([], except: ["closed", "half", "town"]).gaps(among: Self.present).isEmpty)
    }
}
