import Console
import Platform

/// The section `audit` of the configuration file.
struct Settings: Decodable, Sendable {
    /// Folders of more logs on this host, for `--all`.
    var logs: [String] = []
    /// How many months records are kept; the hashes stay for good.
    var keepMonths: Int?
    /// After how many days a heartbeat replaces the key.
    var rotateDays: Int?
    /// Where checkpoints go.
    var anchors: [AnchorTarget] = []

    private enum Keys: String, CodingKey, CaseIterable {
        case logs, keepMonths, rotateDays, segmentSize, anchors
    }

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        logs = try container.decodeIfPresent([String].self, forKey: .logs) ?? []
        keepMonths = try container.number(.keepMonths, in: 1...1200)
        rotateDays = try container.number(.rotateDays, in: 1...3650)
        // What it means is the same for every program that writes records: `Context.openAudit` takes it.
        _ = try container.number(.segmentSize, in: Context.segmentMegabytes)
        anchors = try container.decodeIfPresent([AnchorTarget].self, forKey: .anchors) ?? []
    }
}

extension Context {
    var settings: Settings {
        get throws { try configuration.section("audit", as: Settings.self) ?? Settings() }
    }
}
