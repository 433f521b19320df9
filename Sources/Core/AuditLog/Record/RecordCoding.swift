import Cryptography
import FoundationEssentials
import Platform

extension AuditRecord {
    /// Writes the record as one line, without the line feed: its exact bytes are the leaf.
    func write(into line: inout JSONLine, facts written: WrittenFacts? = nil) {
        line.object {
            $0.member("action", action)
            $0.object("actor") { actor.encode(into: &$0) }
            $0.object("clock") {
                $0.member("boot", clock.boot)
                $0.member("ns", clock.ns)
            }
            if let written {
                $0.object("facts", members: written.line.bytes)
            } else if let facts {
                $0.object("facts") {
                    for (name, fact) in facts.sorted(by: { $0.key < $1.key }) {
                        switch fact {
                        case .text(let text): $0.member(name, text)
                        case .number(let number): $0.member(name, number)
                        }
                    }
                }
            }
            $0.member("host", host)
            $0.member("id", id)
            $0.member("ms", ms)
            $0.member("outcome", outcome?.rawValue)
            $0.member("phase", phase.rawValue)
            $0.member("pid", pid)
            $0.member("program", program)
            $0.member("reason", reason)
            $0.member("ref", ref)
            if let sensitive {
                $0.object("sensitive") {
                    for (name, commitment) in sensitive.sorted(by: { $0.key < $1.key }) {
                        $0.member(name, commitment.hex)
                    }
                }
            }
            $0.member("seq", seq)
            $0.member("session", session)
            $0.member("status", status)
            if let target { $0.object("target") { target.encode(into: &$0) } }
            $0.member("time", time)
            $0.member("v", v)
            $0.member("version", version)
        }
    }

    /// - Throws: `AuditFailure.inconsistent` unless the line is a record of a version known here.
    package init(parsing line: Span<UInt8>) throws {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(line.count)
        bytes.append(line)
        let decoder = JSONDecoder()
        guard String(validating: bytes, as: UTF8.self) != nil,
            let record = try? decoder.decode(AuditRecord.self, from: Data(bytes))
        else {
            let version = try? decoder.decode(Versioned.self, from: Data(bytes)).v
            if let version, !Self.readableVersions.contains(version) { throw AuditFailure.unknownVersion(version) }
            throw AuditFailure(.inconsistent, "not a record")
        }
        guard Self.readableVersions.contains(record.v) else { throw AuditFailure.unknownVersion(record.v) }
        self = record
    }

    private struct Versioned: Decodable {
        let v: Int
    }
}

extension AuditActor {
    fileprivate func encode(into line: inout JSONLine) {
        line.member("login", login)
        line.member("loginuid", loginuid)
        line.member("role", role)
        line.member("sudo", sudo)
        line.member("terminal", terminal)
        line.member("uid", uid)
        line.member("user", user)
    }
}

extension AuditTarget {
    fileprivate func encode(into line: inout JSONLine) {
        line.member("backup", backup)
        line.member("cluster", cluster)
        line.member("database", database)
        line.member("object", object)
        line.member("system", system)
    }
}
