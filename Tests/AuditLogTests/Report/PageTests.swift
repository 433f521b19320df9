import AuditLog
import Platform
import SystemPackage
import TestSupport
import Testing

/// The page in a real browser.
@Suite(.timeLimit(.minutes(5))) struct PageTests {
    /// The page as the browser has filled it, with the filters of `hash`; only its body, without data and script.
    private func page(_ path: FilePath, hash: String = "", in folder: FilePath) async throws -> String {
        let result = try await Program.run(
            "/usr/bin/chromium",
            [
                "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000",
                "--user-data-dir=\(folder.appending("browser"))", "--dump-dom", "file://\(path)\(hash)",
            ])
        let end = result.stdout.firstRange(of: "<script")?.lowerBound ?? result.stdout.endIndex
        return String(result.stdout[..<end])
    }

    private func withPage<Value>(
        days: Int, _ body: (FilePath, FilePath) async throws -> Value
    ) async throws -> Value {
        try await withPage({ try $0.fillDemo(days: days) }, body)
    }

    private func withPage<Value>(
        _ fill: (AuditLog) throws -> Void, _ body: (FilePath, FilePath) async throws -> Value
    ) async throws -> Value {
        try await withFolder { folder in
            let log = try AuditLog.open(folder.appending("audit"), as: source)
            try fill(log)
            let out = folder.appending("report.html")
            let made = try await Program.run(
                "dbaudit", ["report", "--out", out.string], environment: ["DBSEC_STATE": folder.string])
            #expect(made.status == 0, "\(made.stderr)")
            return try await body(out, folder)
        }
    }

    @Test func `a browser shows the verdict, the tables, the chart and the acts`() async throws {
        try await withPage(days: 14) { out, folder in
            let shown = try await page(out, in: folder)
            for text in [
                "The log is intact", "backups proved by restoring", "sessions of superusers",
                "Every act that began has an end",
                "permission denied for table salaries", "<rect", "class=\"col\"", "equal", "not proved",
                "Check it yourself",
                "dbaudit verify --key", "lockout", "Who saw what is kept encrypted", "values decrypted",
                "person's data handed out", "1 failed",
            ] {
                #expect(shown.contains(text), "\(text) is missing")
            }
        }
    }

    @Test func `the page's filters leave what they name`() async throws {
        try await withPage(days: 14) { out, folder in
            let failures = try await page(out, hash: "#kind=failure&q=salaries", in: folder)
            let rows = try #require(failures.firstRange(of: "id=\"list\"").map { failures[$0.upperBound...] })
            #expect(rows.contains("<mark>salaries</mark>"))
            #expect(!rows.contains("pg.login"))
            #expect(failures.contains("of the"))
            let day = try await page(out, hash: "#from=2026-11-20&to=2026-11-21&action=backup", in: folder)
            let list = try #require(day.firstRange(of: "id=\"list\"").map { day[$0.upperBound...] })
            #expect(list.contains("No act matches.") || list.contains("backup."))
            let none = try await page(out, hash: "#q=nothing-has-this-in-it", in: folder)
            #expect(none.contains("No act matches."))
        }
    }

    @Test func `every action has words that need no code`() async throws {
        try await withPage(days: 1) { out, _ in
            let text = String(decoding: try Files.read(out), as: UTF8.self)
            for action in AuditAction.allCases { #expect(text.contains("\"\(action.rawValue)\": \""), "\(action)") }
        }
    }

    @Test func `on paper a thousand acts take no more than eighty sheets`()
        async throws
    {
        try await withPage(days: 14) { out, folder in
            let pdf = folder.appending("report.pdf")
            _ = try await Program.run(
                "/usr/bin/chromium",
                [
                    "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000",
                    "--no-pdf-header-footer",
                    "--user-data-dir=\(folder.appending("browser"))", "--print-to-pdf=\(pdf)", "file://\(out)",
                ])
            let bytes = String(decoding: try Files.read(pdf, limit: 1 << 30), as: Unicode.ASCII.self)
            let sheets = bytes.ranges(of: "/Type /Page\n").count
            #expect((10...80).contains(sheets), "\(sheets)")
        }
    }

    @Test func `hostile text in every field is shown as text`() async throws {
        let fill = { (log: AuditLog) in
            for action in [
                AuditAction.pgStatement, .pgFailure, .pgFinding, .backupRun, .backupVerify, .authEvent, .pgLogin,
            ] {
                try log.append(
                    AuditEvent(
                        action, outcome: .failure, reason: hostile, role: hostile,
                        target: AuditTarget(
                            system: hostile, cluster: hostile, database: hostile, backup: hostile, object: hostile),
                        facts: [
                            "finding": .text(hostile), "statement": .text(hostile), "event": "login",
                            "level": .text(hostile),
                            "verdict": .text(hostile), "account": .text(hostile), hostile: .text(hostile),
                        ]))
            }
        }
        try await withPage(fill) { out, folder in
            let shown = try await page(out, in: folder)
            #expect(shown.contains("&lt;/script&gt;&lt;script&gt;alert(1)"))
            #expect(shown.contains("\\u{202E}desrever") && shown.contains("\\u{1B}[31m"))
            #expect(!shown.contains("<img") && !shown.contains("\u{202E}") && !shown.contains("\u{1B}"))
            let text = String(decoding: try Files.read(out), as: UTF8.self)
            #expect(text.ranges(of: "</script>").count == 2 && text.ranges(of: "<script").count == 2)
        }
    }

    @Test func `the page loads nothing from anywhere`() async throws {
        try await withPage(days: 2) { out, folder in
            let text = String(decoding: try Files.read(out), as: UTF8.self)
            #expect(text.contains("Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-"))
            for mark in [
                " src=", "url(", "@import", "<link", "fetch(", "XMLHttpRequest", "WebSocket", "sendBeacon", "import(",
            ] {
                #expect(!text.contains(mark), "\(mark)")
            }
            // The browser's own account of what it asked for: the page, and nothing else.
            let log = folder.appending("net.json")
            _ = try await Program.run(
                "/usr/bin/chromium",
                [
                    "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--log-net-log=\(log)",
                    "--user-data-dir=\(folder.appending("browser"))", "--dump-dom", "file://\(out)",
                ])
            let asked = String(decoding: try Files.read(log, limit: 1 << 30), as: UTF8.self)
            #expect(asked.contains("file://\(out)"))
            #expect(!asked.contains("evil.example"))
        }
    }

    @Test func `a log that was changed is called broken, in red`() async throws {
        try await withFolder { folder in
            let log = try AuditLog.open(folder.appending("audit"), as: source)
            try log.fillDemo(days: 1)
            try log.replaceLines { $0[1] = $0[1].replacing("orders", with: "ordery") }
            let out = folder.appending("report.html")
            let made = try await Program.run(
                "dbaudit", ["report", "--no-record", "--out", out.string], environment: ["DBSEC_STATE": folder.string])
            #expect(made.status == 1)
            #expect(made.stdout.contains("the log is BROKEN"))
            let shown = try await page(out, in: folder)
            #expect(shown.contains("The log is BROKEN") && shown.contains("banner bad"))
        }
    }
}
