extension StringProtocol {
    /// The first code points of a text.
    ///
    /// Not its first characters: one of those can be made of any number of code points, so that a limit in characters is none.
    package func beginning(_ count: Int) -> String {
        String(String.UnicodeScalarView(unicodeScalars.prefix(count)))
    }
}
