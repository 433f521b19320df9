/// Looks for any of many byte strings in a stream, in one pass.
///
/// Patterns are sorted into classes by length. Of each class the first bytes, as many as all of it have, are hashed, and so is
/// the stream at every place; only where a bit table knows the hash is a pattern compared (Rabin and Karp's search). As many
/// bytes as there are: values of one kind, as telephone numbers, begin alike.
package struct PatternSearch: Sendable {
    /// Shorter patterns would be found by chance, and cannot be looked for.
    package static let shortest = 6

    private let patterns: [[UInt8]]
    private let classes: [Class]
    /// The length of the longest pattern.
    package let longest: Int
    fileprivate let hasZeros: Bool

    /// Patterns that are hashed alike.
    private struct Class: Sendable {
        let width: Int
        /// What a byte weighs when it leaves the window.
        let leaving: UInt64
        var byHash: [UInt64: [Int]] = [:]
        var bits = [UInt64](repeating: 0, count: 1 << (PatternSearch.tableBits - 6))

        init(width: Int) {
            self.width = width
            leaving = (0..<width).reduce(1) { weight, _ in weight &* PatternSearch.base }
        }

        mutating func add(_ pattern: [UInt8], _ index: Int) {
            let hash = pattern[..<width].reduce(UInt64(0)) { $0 &* PatternSearch.base &+ UInt64($1) }
            byHash[hash, default: []].append(index)
            let slot = PatternSearch.slot(hash)
            bits[slot >> 6] |= 1 << UInt64(slot & 63)
        }
    }

    private static let tableBits = 20
    private static let base: UInt64 = 0x0000_0100_0000_01B3

    /// - Precondition: every pattern has at least `shortest` bytes.
    package init(_ patterns: [[UInt8]]) {
        precondition(patterns.allSatisfy { $0.count >= Self.shortest })
        var classes: [Int: Class] = [:]
        for (index, pattern) in patterns.enumerated() {
            let width = [48, 32, 24, 16, 12, 8].first { pattern.count >= $0 } ?? Self.shortest
            classes[width, default: Class(width: width)].add(pattern, index)
        }
        self.patterns = patterns
        self.classes = classes.keys.sorted().compactMap { classes[$0] }
        hasZeros = patterns.contains { $0.contains(0) }
        longest = patterns.map(\.count).max() ?? 0
    }

    private static func slot(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: (hash &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - tableBits))
    }

    /// One stream's search: feed its pieces in order.
    package struct Pass {
        private let search: PatternSearch
        /// The end of what was fed, where a pattern may have begun.
        private var tail: [UInt8] = []
        /// Which patterns were found.
        package private(set) var found = Set<Int>()
        /// How often any was found.
        package private(set) var count = 0
        package private(set) var bytes = 0

        fileprivate init(_ search: PatternSearch) {
            self.search = search
        }

        package mutating func feed(_ piece: Span<UInt8>) {
            bytes += piece.count
            // Long stretches of zeros, as of files that were made in advance, hold nothing: no pattern has a zero in it.
            var start = 0
            for block in stride(from: 0, to: piece.count, by: Self.block) {
                let end = min(block + Self.block, piece.count)
                guard !search.hasZeros, piece.extracting(block..<end).isZero else { continue }
                look(into: piece.extracting(start..<block))
                tail = []
                start = end
            }
            look(into: piece.extracting(start..<piece.count))
        }

        private static let block = 1 << 13

        private mutating func look(into piece: Span<UInt8>) {
            guard piece.count > 0 else { return }
            let old = tail.count
            var buffer = tail
            piece.withUnsafeBufferPointer { buffer.append(contentsOf: $0) }
            buffer.withUnsafeBufferPointer { scan($0, after: old) }
            tail = Array(buffer.suffix(max(0, search.longest - 1)))
        }

        private mutating func scan(_ bytes: UnsafeBufferPointer<UInt8>, after old: Int) {
            for group in search.classes { scan(bytes, after: old, group) }
        }

        /// What ends inside of the old bytes was counted when they were new.
        private mutating func scan(_ bytes: UnsafeBufferPointer<UInt8>, after old: Int, _ group: Class) {
            let (width, leaving) = (group.width, group.leaving)
            var hash: UInt64 = 0
            group.bits.withUnsafeBufferPointer { bits in
                var position = 0
                while position < bytes.count {
                    hash = hash &* PatternSearch.base &+ UInt64(bytes[position])
                    if position >= width { hash = hash &- leaving &* UInt64(bytes[position - width]) }
                    position += 1
                    let slot = PatternSearch.slot(hash)
                    guard bits[slot >> 6] & (1 << UInt64(slot & 63)) != 0, position >= width,
                        let candidates = group.byHash[hash]
                    else { continue }
                    let start = position - width
                    for index in candidates {
                        let pattern = search.patterns[index]
                        let end = start + pattern.count
                        guard end <= bytes.count, end > old, bytes[start..<end].elementsEqual(pattern) else { continue }
                        found.insert(index)
                        count += 1
                    }
                }
            }
        }
    }

    package func pass() -> Pass { Pass(self) }
}
