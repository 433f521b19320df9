import Cryptography
import Platform

/// Writes events of one source as records, each a line whose exact bytes are the leaf; keys stand in the order of their names.
///
/// What is the same in all of them is written once.
struct RecordWriter {
    private let source: AuditSource
    /// Members as they stand in every line: before and after the actor's role, and so on.
    private let actorHead: [UInt8]
    private let actorTail: [UInt8]
    private let boot: [UInt8]
    private let host: [UInt8]
    private let program: [UInt8]
    private let session: [UInt8]
    private let version: [UInt8]

    init(_ source: AuditSource) {
        self.source = source
        let actor = source.actor
        actorHead = JSONLine.members {
            $0.member("login", actor.login)
            $0.member("loginuid", actor.loginuid)
        }
        actorTail = JSONLine.members {
            $0.member("sudo", actor.sudo)
            $0.member("terminal", actor.terminal)
            $0.member("uid", actor.uid)
            $0.member("user", actor.user)
        }
        boot = JSONLine.members { $0.member("boot", source.boot) }
        host = JSONLine.members { $0.member("host", source.host) }
        program = JSONLine.members {
            $0.member("pid", source.pid)
            $0.member("program", source.program)
        }
        session = JSONLine.members { $0.member("session", source.session) }
        version = JSONLine.members {
            $0.member("v", AuditRecord.version)
            $0.member("version", source.version)
        }
    }

    /// Writes the event as the record that takes place `seq`, at this moment, without a line feed.
    ///
    /// - Returns: also the values that its commitments stand for.
    func write(
        _ event: AuditEvent, seq: Int, _ ids: inout UUIDv7, into line: inout JSONLine
    ) -> (entry: AuditEntry, values: SealedValues?) {
        let now = Timestamp.now()
        let id = ids.next(at: now)
        var sensitive = event.sensitive
        if sensitive["address"] == nil, let address = source.address { sensitive["address"] = address }
        let values = sensitive.isEmpty ? nil : SealedValues(seq: seq, id: id, values: sensitive)
        line.object {
            $0.member("action", event.action.rawValue)
            $0.object("actor") {
                $0.members(actorHead)
                $0.member("role", event.role)
                $0.members(actorTail)
            }
            $0.object("clock") {
                $0.members(boot)
                $0.member("ns", uptime())
            }
            Self.writeFacts(of: event, into: &$0)
            $0.members(host)
            $0.member("id", id)
            $0.member("ms", event.milliseconds)
            $0.member("outcome", event.outcome?.rawValue)
            $0.member("phase", event.phase.rawValue)
            $0.members(program)
            $0.member("reason", event.reason?.beginning(2000))
            $0.member("ref", event.ref)
            if let values {
                $0.object("sensitive") {
                    for (name, commitment) in values.commitments.sorted(by: { $0.key < $1.key }) {
                        $0.member(name, commitment.hex)
                    }
                }
            }
            $0.member("seq", seq)
            $0.members(session)
            $0.member("status", event.status?.rawValue)
            if event.target != AuditTarget() { $0.object("target") { event.target.encode(into: &$0) } }
            $0.member("time", now)
            $0.members(version)
        }
        return (AuditEntry(seq: seq, id: id), values)
    }

    private static func writeFacts(of event: AuditEvent, into line: inout JSONLine) {
        if let written = event.writtenFacts {
            line.object("facts") { $0.members(written.line.bytes) }
        } else if !event.facts.isEmpty {
            line.object("facts") {
                for (name, fact) in event.facts.sorted(by: { $0.key < $1.key }) {
                    switch fact {
                    case .text(let text): $0.member(name, text)
                    case .number(let number): $0.member(name, number)
                    }
                }
            }
        }
    }
}
