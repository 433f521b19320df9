import FoundationEssentials
import Platform
package import SystemPackage

extension SavedPlan {
    /// Writes the plan to a file of the owner's own (0600), whole or not at all.
    package func write(to path: FilePath) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        try Files.write(Array(try encoder.encode(self)) + [UInt8(ascii: "\n")], to: path)
    }

    /// - Throws: with status 65 for a file that is no plan, or that was changed since it was made.
    package static func read(_ path: FilePath) throws -> SavedPlan {
        let bytes = try Files.read(path, limit: 256 << 20)
        guard let plan = try? JSONDecoder().decode(SavedPlan.self, from: Data(bytes)), plan.format == format else {
            throw PlainFailure(
                .malformed, "\(path) is not a plan that this program can read", hint: "make one with dbsec plan --out")
        }
        let seen = StateFacts(values: plan.state)
        guard plan.fingerprint == fingerprint(seen, plan.changes, plan.undeclared) else {
            throw PlainFailure(
                .malformed, "the plan \(path) was changed since it was made: its fingerprint does not fit",
                hint: "make it again with dbsec plan --out, and review it again")
        }
        return plan
    }
}
