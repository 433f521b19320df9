import Platform
import PostgresClient

/// What a job does to a row: which rows it is for, what it reads of them, what it writes.
protocol RowChange: Sendable {
    /// The job's name in the catalogue.
    var name: String { get }
    /// Which rows of the alias `t` still need it.
    var filter: SQL { get }
    /// What is read; the first is the value, whose length decides whether it is fetched by itself.
    var inputs: [SQL] { get }
    /// The columns that are written, and how the element of each array becomes its value.
    var outputs: [Output] { get }

    /// What is written for what was read; nil leaves the row as it is.
    func change(_ row: RowInputs) throws -> [[UInt8]?]?
}

struct Output: Sendable {
    let column: String
    let element: BinaryArray.Element
    /// Applied to the array's element.
    var cast: SQL = ""
}

/// The values of one row as the server sent them.
struct RowInputs {
    let row: Row

    /// The bytes of an input, nil for NULL; the first two columns are the row's address and version.
    func bytes(_ index: Int) throws -> [UInt8]? {
        try row.bytes(of: index + BatchJob.leading)
    }

    /// Lends the bytes of an input where they lie, nil for NULL.
    func withBytes<Result>(_ index: Int, _ body: (Span<UInt8>?) throws -> Result) throws -> Result {
        try row.withBytes(of: index + BatchJob.leading, body)
    }

    func text(_ index: Int) throws -> String? {
        try bytes(index).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Lends the bytes of the value, which is not NULL.
    func withValue<Result>(_ body: (Span<UInt8>) throws -> Result) throws -> Result {
        try row.withBytes(of: BatchJob.leading) { span in
            guard let span else { throw PlainFailure(.internalError, "a row without a value was read") }
            return try body(span)
        }
    }
}
