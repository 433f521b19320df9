import CZstd

/// A step that compresses to one zstd frame with a checksum, on threads of libzstd's own.
package final class ZstdCompressor: ByteSink {
    private let context: OpaquePointer
    private let output: UnsafeMutableRawBufferPointer
    private let next: any ByteSink

    /// - Parameters:
    ///   - level: libzstd's; 3 is its default and about where pg_dump's own speed lies.
    ///   - workers: threads besides the caller's; 0 compresses in the caller's.
    package init(into next: any ByteSink, level: Int32 = 3, workers: Int32 = 2) throws {
        guard let context = ZSTD_createCCtx() else {
            throw PlainFailure(.internalError, "libzstd has no memory for a compressor")
        }
        self.context = context
        self.next = next
        output = .allocate(byteCount: ZSTD_CStreamOutSize(), alignment: 16)
        try check(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level))
        try check(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1))
        if workers > 0 {
            try check(ZSTD_CCtx_setParameter(context, ZSTD_c_nbWorkers, workers))
            // Each worker reads the end of the job before its own again, so small jobs cost time: 8.6 s of processor for a
            // gigabyte with 1 MiB, 7.0 with 4 MiB, no less with the default of 8 MiB, which keeps twice as much in memory.
            try check(ZSTD_CCtx_setParameter(context, ZSTD_c_jobSize, 4 << 20))
        }
    }

    deinit {
        ZSTD_freeCCtx(context)
        output.deallocate()
    }

    package func write(_ bytes: Span<UInt8>) throws {
        try bytes.withUnsafeBytes { try compress($0, ZSTD_e_continue) }
    }

    package func finish() throws {
        try compress(UnsafeRawBufferPointer(start: nil, count: 0), ZSTD_e_end)
        try next.finish()
    }

    private func compress(_ bytes: UnsafeRawBufferPointer, _ directive: ZSTD_EndDirective) throws {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        while true {
            var room = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
            let left = try check(ZSTD_compressStream2(context, &room, &input, directive))
            if room.pos > 0 {
                try next.write(UnsafeBufferPointer(rebasing: output.bindMemory(to: UInt8.self)[..<room.pos]).span)
            }
            if directive == ZSTD_e_end ? left == 0 : input.pos == input.size { return }
        }
    }
}

/// A step that decompresses; a damaged frame is an error, and so is a stream that ends inside one.
package final class ZstdDecompressor: ByteSink {
    private let context: OpaquePointer
    private let output: UnsafeMutableRawBufferPointer
    private let next: any ByteSink
    private var isBetweenFrames = false

    package init(into next: any ByteSink) throws {
        guard let context = ZSTD_createDCtx() else {
            throw PlainFailure(.internalError, "libzstd has no memory for a decompressor")
        }
        self.context = context
        self.next = next
        output = .allocate(byteCount: ZSTD_DStreamOutSize(), alignment: 16)
    }

    deinit {
        ZSTD_freeDCtx(context)
        output.deallocate()
    }

    package func write(_ bytes: Span<UInt8>) throws {
        try bytes.withUnsafeBytes { bytes in
            var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
            var filled = false
            while input.pos < input.size || filled {
                var room = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
                let left = try check(ZSTD_decompressStream(context, &room, &input), .malformed)
                isBetweenFrames = left == 0
                filled = room.pos == room.size && left != 0
                if room.pos > 0 {
                    try next.write(UnsafeBufferPointer(rebasing: output.bindMemory(to: UInt8.self)[..<room.pos]).span)
                }
            }
        }
    }

    package func finish() throws {
        guard isBetweenFrames else {
            throw PlainFailure(.malformed, "the compressed data ends too early")
        }
        try next.finish()
    }
}

@discardableResult
private func check(_ code: Int, _ status: ExitStatus = .internalError) throws -> Int {
    guard ZSTD_isError(code) == 0 else {
        throw PlainFailure(status, "zstd: \(String(cString: ZSTD_getErrorName(code)))")
    }
    return code
}
