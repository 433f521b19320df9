import FoundationEssentials
import Platform
package import SystemPackage

extension SavedPlan {
    /// Writes the plan to a file of the owner's own (0600), whole or not at all.
    package func write(to path: FilePath) throws {
        try SavedPlans([self]).write(to: path)
    }

    fileprivate func check(_ path: FilePath) throws {
        let seen = StateFacts(values: state)
        guard fingerprint == Self.fingerprint(seen, changes, undeclared) else {
            throw PlainFailure(
                .malformed, "the plan \(path) was changed since it was made: its fingerprint does not fit",
                hint: "make it again with dbsec plan --out, and review it again")
        }
    }
}

extension SavedPlans {
    private static let format = "dbsec plans 1"

    /// Of several databases: each as a file of its own would hold it.
    private struct Several: Codable {
        let format: String
        let plans: [SavedPlan]
    }

    /// Writes the plans to a file of the owner's own (0600), whole or not at all.
    package func write(to path: FilePath) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        let bytes =
            plans.count == 1
            ? try encoder.encode(plans[0]) : try encoder.encode(Several(format: Self.format, plans: plans))
        try Files.write(Array(bytes) + [UInt8(ascii: "\n")], to: path)
    }

    /// - Throws: with status 65 for a file that is no plan, or that was changed since it was made.
    package static func read(_ path: FilePath) throws -> SavedPlans {
        let data = Data(try Files.read(path, limit: 256 << 20))
        let decoder = JSONDecoder()
        if let plan = try? decoder.decode(SavedPlan.self, from: data), plan.format == SavedPlan.format {
            try plan.check(path)
            return SavedPlans([plan])
        }
        guard let several = try? decoder.decode(Several.self, from: data), several.format == format,
            !several.plans.isEmpty, several.plans.allSatisfy({ $0.format == SavedPlan.format })
        else {
            throw PlainFailure(
                .malformed, "\(path) is not a plan that this program can read", hint: "make one with dbsec plan --out")
        }
        for plan in several.plans { try plan.check(path) }
        return SavedPlans(several.plans)
    }
}
