import ArgumentParser
import Console

@main struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration.program(
        "dbauth", "Hash and check passwords, make tokens and SCRAM verifiers, and log people in.",
        details: "Passwords come from a prompt, standard input or a file, never as an argument.",
        verbs: [
            Hash.self, Verify.self, Calibrate.self, MakeBlocklist.self, Scram.self, Install.self, UserVerbs.self,
            LogIn.self,
            Logout.self, SessionVerbs.self, Passwd.self, ResetVerbs.self, Unlock.self, TOTPVerbs.self, APIKeyVerbs.self,
            MakeToken.self, Purge.self,
        ])
}
