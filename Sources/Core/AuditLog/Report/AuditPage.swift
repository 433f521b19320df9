import Cryptography

/// The report as one HTML page that needs nothing else: no network, no font, no script but its own.
///
/// All that comes from the log stands in the page as data, and is put on the screen as text, never as markup.
package enum AuditPage {
    package static func html(of report: AuditReport) -> [UInt8] {
        let (style, script) = (AuditPageStyle.text, AuditPageScript.text)
        let head = [
            "<!DOCTYPE html>", "<html lang=\"en\">", "<head>", "<meta charset=\"utf-8\">",
            "<meta http-equiv=\"Content-Security-Policy\" content=\"\(policy(style, script))\">",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
            "<meta name=\"referrer\" content=\"no-referrer\">", "<meta name=\"color-scheme\" content=\"light dark\">",
            "<title>Audit report</title>", "<style>\(style)</style>", "</head>", "<body>", AuditPageBody.text,
            "<script type=\"application/json\" id=\"data\">",
        ].joined(separator: "\n")
        let tail = ["</script>", "<script>\(script)</script>", "</body>", "</html>", ""].joined(separator: "\n")
        return Array(head.utf8) + report.json() + Array(tail.utf8)
    }

    /// Nothing may be loaded, and only this style and this script may act, known by their hashes.
    private static func policy(_ style: String, _ script: String) -> String {
        "default-src 'none'; style-src '\(hash(style))'; script-src '\(hash(script))'; base-uri 'none'; form-action 'none'"
    }

    private static func hash(_ text: String) -> String {
        "sha256-" + Base64.encode(SHA256.hash(Array(text.utf8)).bytes)
    }
}
