import Cryptography
import FoundationEssentials

/// The report as one HTML page that needs nothing else: no network, no font, no script but its own.
///
/// All that comes from the database stands in the page as data, and is put on the screen as text, never as markup.
package struct ReportPage: Sendable {
    package static func html(of report: AccessReport) throws -> String {
        let style = ReportPageStyle.text
        let script = ReportPageScript.text
        return [
            "<!DOCTYPE html>", "<html lang=\"en\">", "<head>", "<meta charset=\"utf-8\">",
            "<meta http-equiv=\"Content-Security-Policy\" content=\"\(policy(style, script))\">",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
            "<meta name=\"referrer\" content=\"no-referrer\">", "<meta name=\"color-scheme\" content=\"light dark\">",
            "<title>Access report</title>", "<style>\(style)</style>", "</head>", "<body>", ReportPageBody.text,
            "<script type=\"application/json\" id=\"data\">\(try data(of: report))</script>",
            "<script>\(script)</script>", "</body>", "</html>",
        ].joined(separator: "\n")
    }

    /// Nothing may be loaded, and only this style and this script may act, known by their hashes.
    private static func policy(_ style: String, _ script: String) -> String {
        "default-src 'none'; style-src '\(hash(style))'; script-src '\(hash(script))'; base-uri 'none'; form-action 'none'"
    }

    private static func hash(_ text: String) -> String {
        "sha256-" + Data(SHA256.hash(Array(text.utf8)).bytes).base64EncodedString()
    }

    /// JSON in which nothing looks like markup: these characters stand only inside of its strings.
    static func data(of report: AccessReport) throws -> String {
        let json = String(decoding: try AccessReport.json(report), as: UTF8.self)
        var text = ""
        for scalar in json.unicodeScalars {
            switch scalar {
            case "<": text += "\\u003c"
            case ">": text += "\\u003e"
            case "&": text += "\\u0026"
            case "\u{2028}": text += "\\u2028"
            case "\u{2029}": text += "\\u2029"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
