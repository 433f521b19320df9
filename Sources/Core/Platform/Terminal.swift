import Glibc

/// The terminal a person sits at, whatever standard input and output are.
package enum Terminal {
    package static var isInput: Bool { isatty(STDIN_FILENO) == 1 }

    /// Asks for a line and does not show what is typed; the bytes are without the line feed.
    ///
    /// - Throws: `CancellationError` after Ctrl-C; the terminal is then as it was.
    package static func readSecret(_ prompt: String, limit: Int = 4096) async throws -> [UInt8] {
        let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard terminal >= 0 else {
            throw PlainFailure(
                .usage, "there is no terminal to ask on", hint: "give the password on standard input or in a file")
        }
        defer { close(terminal) }
        var before = termios()
        guard tcgetattr(terminal, &before) == 0 else {
            throw PlainFailure(.usage, "the terminal cannot be told to hide what is typed")
        }
        var hidden = before
        hidden.c_lflag &= ~tcflag_t(ECHO)
        guard tcsetattr(terminal, TCSAFLUSH, &hidden) == 0 else {
            throw PlainFailure(.usage, "the terminal cannot be told to hide what is typed")
        }
        defer {
            tcsetattr(terminal, TCSAFLUSH, &before)
            say("\n", to: terminal)
        }
        say(prompt, to: terminal)
        return try await line(from: terminal, limit: limit)
    }

    /// Looks for input ten times a second, so that Ctrl-C ends the wait.
    private static func line(from terminal: CInt, limit: Int) async throws -> [UInt8] {
        var line: [UInt8] = []
        while true {
            try Task.checkCancellation()
            let byte: UInt8? = try await onOwnThread {
                var descriptor = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
                guard poll(&descriptor, 1, 100) > 0 else { return nil }
                var byte: UInt8 = 0
                return read(terminal, &byte, 1) == 1 ? byte : UInt8(ascii: "\n")
            }
            guard let byte else { continue }
            if byte == UInt8(ascii: "\n") { return line }
            guard line.count < limit else { throw PlainFailure(.malformed, "that is too long for a password") }
            line.append(byte)
        }
    }

    private static func say(_ text: String, to terminal: CInt) {
        let bytes = Array(text.utf8)
        _ = write(terminal, bytes, bytes.count)
    }
}

/// What comes on standard input.
package enum StandardInput {
    /// All of it, at most `limit` bytes.
    package static func read(limit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(STDIN_FILENO, &buffer, buffer.count)
            if count == 0 { return bytes }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw PlainFailure(.inputOutput, "cannot read standard input: \(String(cString: strerror(errno)))")
            }
            guard bytes.count + count <= limit else {
                throw PlainFailure(.malformed, "standard input is longer than \(limit) bytes")
            }
            bytes.append(contentsOf: buffer[..<count])
        }
    }
}
