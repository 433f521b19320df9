extension StringProtocol {
    /// The first code points of a text.
    ///
    /// Not its first characters: one of those can be made of any number of code points, so that a limit in characters is none.
    package func beginning(_ count: Int) -> String {
        // No code point has less than a byte, and most texts are short.
        utf8.count <= count ? String(self) : String(String.UnicodeScalarView(unicodeScalars.prefix(count)))
    }
}
