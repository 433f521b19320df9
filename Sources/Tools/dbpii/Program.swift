import ArgumentParser
import Console

@main struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration.program(
        "dbpii", "Encrypt personal data online, find it, and prove that no plaintext is left.",
        details: "Keys stay outside the database: values are encrypted and decrypted where this program runs.",
        verbs: [
            Keys.self, Encrypt.self, Decrypt.self, Column.self, Verify.self, AdviseIndex.self, Scan.self, Residue.self,
            Mask.self, Subject.self,
        ])
}
