package import Platform

/// One message of a PostgreSQL server, whichever of its logs it stood in.
package struct ServerLogLine: Codable, Equatable, Sendable {
    /// Which log: each numbers a session's lines for itself.
    package enum Kind: String, Codable, Sendable {
        case csvlog, jsonlog
        /// The extension pgauditlogtofile, which writes files of its own.
        case pgaudit
    }

    package var kind: Kind
    package var time: Timestamp
    package var user = ""
    package var database = ""
    package var address = ""
    package var session = ""
    /// The line's number in its session; nil where the log has none.
    package var number: Int?
    package var sessionStart: Timestamp?
    package var severity = "LOG"
    package var sqlstate = ""
    package var message = ""
    package var statement = ""
    package var application = ""
    package var audit: AuditTail?

    package init(kind: Kind, time: Timestamp) {
        self.kind = kind
        self.time = time
    }

    /// What pgaudit says about one statement.
    package struct AuditTail: Codable, Equatable, Sendable {
        /// `SESSION` or `OBJECT`.
        package var type = ""
        package var statementClass = ""
        package var command = ""
        package var objectType = ""
        package var objectName = ""
        package var statement = ""
        /// How many rows, where `pgaudit.log_rows` is on.
        package var rows: Int?

        package init() {}
    }
}

extension ServerLogLine.AuditTail {
    /// Reads `SESSION,1,1,READ,SELECT,TABLE,public.t,"SELECT ...",<none>`: what follows `AUDIT: `.
    init?(_ text: Span<UInt8>) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count + 1)
        bytes.append(text)
        bytes.append(lineFeed)
        let line = bytes.span
        var record = CSVRecord()
        guard record.read(line, at: 0), record.count >= 8 else { return nil }
        let type = record.text(0, line)
        guard type == "SESSION" || type == "OBJECT" else { return nil }
        self.init()
        self.type = type
        (statementClass, command) = (record.text(3, line), record.text(4, line))
        (objectType, objectName, statement) = (record.text(5, line), record.text(6, line), record.text(7, line))
        rows = record.count > 9 ? Int(record.text(9, line)) : nil
    }

    init?(fields: [String]) {
        guard fields.count >= 8, ["SESSION", "OBJECT"].contains(fields[0]) else { return nil }
        self.init()
        (type, statementClass, command) = (fields[0], fields[3], fields[4])
        (objectType, objectName, statement) = (fields[5], fields[6], fields[7])
        rows = fields.count > 9 ? Int(fields[9]) : nil
    }
}

/// Times as servers write them: `2026-11-26 17:15:37.177 UTC`.
enum ServerLogTime {
    /// - Parameter offset: seconds east of UTC where the zone's name does not say; the server's `log_timezone`.
    static func parse(_ text: String, offset: Int?) -> Timestamp? {
        parse(text.utf8Span.span, offset: offset)
    }

    static func parse(_ bytes: Span<UInt8>, offset: Int?) -> Timestamp? {
        guard bytes.count >= 19, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[10] == 0x20 || bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"),
            bytes[16] == UInt8(ascii: ":"), let year = number(bytes, 0..<4), let month = number(bytes, 5..<7),
            let day = number(bytes, 8..<10), let hour = number(bytes, 11..<13), let minute = number(bytes, 14..<16),
            let second = number(bytes, 17..<19), (1...12).contains(month), (1...31).contains(day), hour < 24,
            minute < 60, second < 61
        else { return nil }
        var end = 19
        var micro = 0
        if end < bytes.count, bytes[end] == UInt8(ascii: ".") {
            var unit = 100_000
            end += 1
            while end < bytes.count, (0x30...0x39).contains(bytes[end]) {
                micro += Int(bytes[end] - 0x30) * unit
                unit /= 10
                end += 1
            }
        }
        while end < bytes.count, bytes[end] == 0x20 { end += 1 }
        let zone = bytes.extracting(end..<bytes.count)
        // Nearly all are UTC, and telling that costs no string.
        let isUTC = zone.count == 3 && (zone.holds(utc.span, at: 0) || zone.holds(gmt.span, at: 0))
        guard let east = isUTC ? 0 : seconds(east: String(repairing: zone)) ?? offset else { return nil }
        let seconds = days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - east
        return Timestamp(microseconds: Int64(seconds * 1_000_000 + micro))
    }

    private static let utc = Array("UTC".utf8)
    private static let gmt = Array("GMT".utf8)

    private static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
        var value = 0
        for index in range {
            guard (0x30...0x39).contains(bytes[index]) else { return nil }
            value = value * 10 + Int(bytes[index] - 0x30)
        }
        return value
    }

    /// Days since 1970 in the proleptic Gregorian calendar, counting eras of 400 years from 0000-03-01.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = (shifted / 400, shifted % 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// Names that mean one thing only; others are a matter of where one is.
    private static let zones = [
        "": 0, "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "CET": 3600, "CEST": 7200, "EET": 7200, "EEST": 10800,
        "MSK": 10800, "EDT": -14400, "CDT": -18000, "MDT": -21600, "PDT": -25200, "PST": -28800, "JST": 32400,
        "KST": 32400, "AEST": 36000, "AEDT": 39600, "NZST": 43200, "NZDT": 46800,
    ]

    static func seconds(east zone: String) -> Int? {
        if let known = zones[zone] { return known }
        guard let sign = zone.first, sign == "+" || sign == "-" else { return nil }
        let digits = zone.dropFirst().filter { $0 != ":" }
        guard digits.count == 2 || digits.count == 4, let number = Int(digits) else { return nil }
        let minutes = digits.count == 2 ? number * 60 : number / 100 * 60 + number % 100
        guard minutes <= 15 * 60 else { return nil }
        return (sign == "-" ? -60 : 60) * minutes
    }
}

extension Timestamp {
    /// What a zone's name or offset, `CET` or `+01:00`, adds to UTC; nil for a name that means several things.
    package static func seconds(east zone: String) -> Int? {
        zone.isEmpty ? nil : ServerLogTime.seconds(east: zone)
    }
}
