import CLibPQ
import Glibc
import Platform

/// The way from parameters to an open connection: libpq's steps, with a look at the cancel flag between them.
///
/// libpq's own blocking form cannot be cancelled and hides the SQLSTATE; `connect_timeout` is then ours to keep.
struct Connecting {
    private let isCancelled: CancelFlag
    private let notices: NoticeReceiver

    init(isCancelled: CancelFlag, notices: NoticeReceiver) {
        self.isCancelled = isCancelled
        self.notices = notices
    }

    func connect(_ parameters: ConnectionParameters) throws -> Wire {
        var settings = parameters.settings
        settings["client_encoding"] = "UTF8"
        while true {
            let handle = try start(settings)
            let wire = Wire(owning: handle, isCancelled: isCancelled, notices: notices)
            switch try finish(handle) {
            case .connected:
                PQsetErrorVerbosity(handle, PQERRORS_DEFAULT)
                PQsetnonblocking(handle, 1)
                try prepare(wire)
                return wire
            case .silent:
                guard let others = hosts(of: handle).after(handle) else {
                    throw PostgresError(
                        code: nil, message: "the server at \(Self.place(handle)) did not answer in time")
                }
                settings.merge(others) { $1 }
            }
        }
    }

    private enum Outcome {
        case connected
        case silent
    }

    private func start(_ settings: [String: String]) throws -> OpaquePointer {
        let pairs = settings.sorted { $0.key < $1.key }
        let handle = Self.withCStrings(pairs.map(\.key)) { keywords in
            Self.withCStrings(pairs.map(\.value)) { PQconnectStartParams(keywords, $0, 0) }
        }
        guard let handle else { throw PlainFailure(.temporary, "out of memory while connecting") }
        notices.attach(to: handle)
        // Errors before a session exists carry their SQLSTATE only in the verbose text.
        PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
        return handle
    }

    private func finish(_ handle: OpaquePointer) throws -> Outcome {
        let timeout = Int(Self.option("connect_timeout", of: handle) ?? "").flatMap { $0 > 0 ? $0 : nil }
        let deadline = timeout.map { ContinuousClock.now + .seconds($0) }
        guard PQstatus(handle) != CONNECTION_BAD else { throw ConnectFailure.error(of: handle) }
        var next = PGRES_POLLING_WRITING
        while true {
            switch next {
            case PGRES_POLLING_OK: return .connected
            case PGRES_POLLING_FAILED: throw ConnectFailure.error(of: handle)
            default:
                let events = Int16(next == PGRES_POLLING_READING ? POLLIN : POLLOUT)
                var descriptor = pollfd(fd: PQsocket(handle), events: events, revents: 0)
                let ready = poll(&descriptor, 1, CancelFlag.interval)
                if isCancelled.isSet { throw CancellationError() }
                if ready != 0 {
                    next = PQconnectPoll(handle)
                } else if let deadline, ContinuousClock.now > deadline {
                    return .silent
                }
            }
        }
    }

    /// Settings which everything here relies on, whatever role or database say.
    ///
    /// `search_path`: CVE-2018-1058; the others keep quoting, bytea and dates in the one form that is written and read.
    private func prepare(_ wire: Wire) throws {
        _ = try wire.run(
            """
            SELECT pg_catalog.set_config('search_path', 'pg_catalog', false),
                   pg_catalog.set_config('standard_conforming_strings', 'on', false),
                   pg_catalog.set_config('bytea_output', 'hex', false),
                   pg_catalog.set_config('datestyle', 'ISO', false)
            """)
    }

    private static func place(_ handle: OpaquePointer) -> String {
        "\(String(cString: PQhost(handle))), port \(String(cString: PQport(handle)))"
    }

    private static func withCStrings<Result>(
        _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
    ) -> Result {
        let copies = texts.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return (copies.map { UnsafePointer($0) } + [nil]).withUnsafeBufferPointer { body($0.baseAddress) }
    }

    static func option(_ keyword: String, of handle: OpaquePointer) -> String? {
        guard let options = PQconninfo(handle) else { return nil }
        defer { PQconninfoFree(options) }
        var option = options
        while let name = option.pointee.keyword {
            if String(cString: name) == keyword { return option.pointee.val.map { String(cString: $0) } }
            option += 1
        }
        return nil
    }

    private func hosts(of handle: OpaquePointer) -> HostList {
        func list(_ keyword: String) -> [String] {
            Self.option(keyword, of: handle).map { $0.split(separator: ",", omittingEmptySubsequences: false) }?
                .map(String.init) ?? []
        }
        return HostList(hosts: list("host"), addresses: list("hostaddr"), ports: list("port"))
    }
}

/// The servers of a connection string with several, to go on with the next when one is silent.
struct HostList {
    let hosts: [String]
    let addresses: [String]
    let ports: [String]

    /// The settings for the servers behind the one that this connection tried last, or nil when it was the last.
    func after(_ handle: OpaquePointer) -> [String: String]? {
        let count = max(hosts.count, addresses.count)
        let (host, port) = (String(cString: PQhost(handle)), String(cString: PQport(handle)))
        let tried = (0..<count).first { index in
            let name = hosts.indices.contains(index) ? hosts[index] : addresses[index]
            return name == host && (ports.count < 2 || ports[index] == port)
        }
        guard let tried, tried + 1 < count else { return nil }
        func rest(_ list: [String]) -> String? {
            list.count < 2 ? nil : list[(tried + 1)...].joined(separator: ",")
        }
        var settings: [String: String] = [:]
        settings["host"] = rest(hosts)
        settings["hostaddr"] = rest(addresses)
        settings["port"] = rest(ports)
        return settings
    }
}

/// Reads why no connection came about.
enum ConnectFailure {
    static func error(of handle: OpaquePointer) -> PostgresError {
        var code: String?
        var lines: [String] = []
        for line in String(cString: PQerrorMessage(handle)).split(separator: "\n") {
            let line = line.drop { $0 == "\t" || $0 == " " }
            // The server's source file; and libpq's question, which is our hint already.
            if line.hasPrefix("LOCATION:") || line.hasPrefix("Is the server running") { continue }
            let (found, text) = splitCode(line)
            code = found ?? code
            lines.append(text)
        }
        // libpq gave up by itself, so that there is no SQLSTATE to read.
        if code == nil && PQconnectionNeedsPassword(handle) == 1 { code = "28P01" }
        return PostgresError(
            code: code, message: lines.isEmpty ? "cannot connect to the server" : lines.joined(separator: "; "))
    }

    /// Takes the SQLSTATE out of `FATAL:  28P01: password authentication failed`.
    private static func splitCode(_ line: Substring) -> (code: String?, text: String) {
        let bytes = Array(line.utf8)
        let isCodeCharacter = { (byte: UInt8) in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
        }
        for start in bytes.indices where bytes[start...].starts(with: ":  ".utf8) && start + 10 <= bytes.count {
            let code = bytes[(start + 3)..<(start + 8)]
            guard code.allSatisfy(isCodeCharacter), bytes[(start + 8)...].starts(with: ": ".utf8) else { continue }
            let text = bytes[...start] + " ".utf8 + bytes[(start + 10)...]
            return (String(decoding: code, as: UTF8.self), String(decoding: text, as: UTF8.self))
        }
        return (nil, String(line))
    }
}
