package import ArgumentParser

extension CommandConfiguration {
    /// How a verb explains itself: one sentence, the details in paragraphs, and examples to copy.
    ///
    /// A line break in `details` is no more than a space; an empty line separates paragraphs.
    package static func verb(
        _ name: String? = nil, _ abstract: String, details: String = "", examples: [String]
    ) -> CommandConfiguration {
        CommandConfiguration(
            commandName: name, abstract: abstract,
            discussion: (paragraphs(details) + ["Examples:\n" + examples.map { "  \($0)" }.joined(separator: "\n")])
                .joined(separator: "\n\n"))
    }

    /// How a program explains itself.
    ///
    /// `-h` is libpq's host in every program, so help is `--help` only.
    package static func program(
        _ name: String, _ abstract: String, details: String, verbs: [any ParsableCommand.Type]
    ) -> CommandConfiguration {
        CommandConfiguration(
            commandName: name, abstract: abstract,
            discussion: (paragraphs(details) + [exitCodes]).joined(separator: "\n\n"), version: Release.version,
            subcommands: verbs, helpNames: .long)
    }

    private static func paragraphs(_ text: String) -> [String] {
        guard !text.isEmpty else { return [] }
        return text.split(separator: "\n\n").map { $0.split(separator: "\n").joined(separator: " ") }
    }

    private static let exitCodes = """
        Exit codes:
          0    done; the answer is yes
          1    done; the answer is no: drift, a failed test, a proof that does not hold
          64   usage
          65   input data is malformed
          66   input not found
          69   a service or program is unavailable; retrying is safe
          70   internal error: a bug
          73   output cannot be created
          74   input/output error: disk full, torn write
          75   temporary: another run holds the lock; retrying is safe
          77   permission denied
          78   configuration
          130  stopped by SIGINT, 143 by SIGTERM or SIGHUP: nothing is half done
        """
}
