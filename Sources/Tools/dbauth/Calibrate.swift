import ArgumentParser
import Console
import Credentials
import Platform

struct Calibrate: Command {
    static let configuration = CommandConfiguration.verb(
        "calibrate", "Measure how long hashing takes here, and propose the strongest parameters within a time.",
        details: """
            Run it on the machine that will check passwords, when it is as busy as it will be. One login takes the time and
            the memory of one hash, and there are as many at a time as there are processors.
            """,
        examples: ["dbauth calibrate --target 250ms", "dbauth calibrate --target 1s --memory 128"])

    @OptionGroup var common: CommonOptions

    @Option(help: "How long one hash may take: 250ms, 1s.")
    var target = "250ms"

    @Option(help: "The most memory for one hash, in MiB.")
    var memory = 64

    func validate() throws {
        guard let duration = Self.duration(target), duration >= .milliseconds(10), duration <= .seconds(10) else {
            throw ValidationError("--target is from 10ms to 10s")
        }
        guard (19...4096).contains(memory) else { throw ValidationError("--memory is from 19 to 4096 MiB") }
    }

    func run(_ context: Context) async throws -> any Report {
        let calibration = try await Calibration.measure(
            target: Self.duration(target) ?? .milliseconds(250), memoryLimitKiB: memory << 10,
            progress: context.progress)
        return CalibrationReport(
            argon2id: calibration.argon2id, bcrypt: calibration.bcrypt, processors: Processors.count, target: target)
    }

    static func duration(_ text: String) -> Duration? {
        if text.hasSuffix("ms") { return Int(text.dropLast(2)).map { .milliseconds($0) } }
        if text.hasSuffix("s") { return Int(text.dropLast()).map { .seconds($0) } }
        return nil
    }
}

private struct CalibrationReport: Report {
    let argon2id: [Calibration.Measured]
    let bcrypt: [Calibration.Measured]
    let processors: Int
    let target: String

    var text: String {
        var table = TextTable(["", "memory", "passes", "cost", "time", "a second", ""])
        for line in argon2id + bcrypt {
            table.append([
                line.scheme, line.memoryKiB.map { "\($0 / 1024) MiB" } ?? "", line.passes.map(String.init) ?? "",
                line.cost.map(String.init) ?? "", Words.milliseconds(line.milliseconds),
                Words.count(Int(1000 / max(line.milliseconds, 0.001)) * processors),
                line.isProposed ? "<- proposed" : "",
            ])
        }
        let memory = argon2id.first { $0.isProposed }?.memoryKiB ?? 0
        let flags = argon2id.first { $0.isProposed }.map { "--memory \($0.memoryKiB ?? 0) --passes \($0.passes ?? 0)" }
        return """
            \(table.text)
            \(Words.plural(processors, "processor")): argon2id takes up to \(memory / 1024 * processors) MiB at a time
            use: dbauth hash \(flags ?? ""), or memoryKiB and passes in the configuration's section auth
            """
    }
}

extension Words {
    fileprivate static func milliseconds(_ number: Double) -> String {
        number < 10 ? "\((number * 10).rounded() / 10) ms" : "\(Int(number.rounded())) ms"
    }
}
