import Platform

/// The columns that a dump's `COPY schema.table (a, "B c") FROM stdin;` names, in its order.
struct CopyStatement: Equatable {
    let table: [String]
    let columns: [String]

    init(_ text: String) throws {
        var words = Words(text: Array(text.utf8), original: text)
        try words.expect("COPY ")
        var table = [try words.identifier()]
        while words.skip(".") { table.append(try words.identifier()) }
        try words.expect(" ")
        var columns: [String] = []
        if words.skip("(") {
            repeat { columns.append(try words.identifier()) } while words.skip(", ")
            try words.expect(")")
        }
        // A table without columns is written with two spaces here.
        _ = words.skip(" ")
        try words.expect("FROM stdin;")
        self.table = table
        self.columns = columns
    }

    private struct Words {
        let text: [UInt8]
        let original: String
        var position = 0

        mutating func skip(_ word: String) -> Bool {
            guard text[position...].starts(with: word.utf8) else { return false }
            position += word.utf8.count
            return true
        }

        mutating func expect(_ word: String) throws {
            guard skip(word) else { throw refusal() }
        }

        mutating func identifier() throws -> String {
            var name: [UInt8] = []
            guard skip("\"") else {
                while position < text.count, !" .,()\"".utf8.contains(text[position]) {
                    name.append(text[position])
                    position += 1
                }
                guard !name.isEmpty else { throw refusal() }
                return String(decoding: name, as: UTF8.self)
            }
            while position < text.count {
                if skip("\"\"") {
                    name.append(UInt8(ascii: "\""))
                } else if skip("\"") {
                    return String(decoding: name, as: UTF8.self)
                } else {
                    name.append(text[position])
                    position += 1
                }
            }
            throw refusal()
        }

        private func refusal() -> PlainFailure {
            .archive("it copies rows by a statement that is not pg_dump's: \(original.prefix(200))")
        }
    }
}
