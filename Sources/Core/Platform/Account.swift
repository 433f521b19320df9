import Glibc
package import SystemPackage

/// An account of the operating system.
package struct Account: Equatable, Sendable {
    package let name: String
    package let uid: UInt32
    package let gid: UInt32
    package let home: FilePath

    /// The account this process acts as.
    package static var current: Account {
        lookUp { getpwuid_r(geteuid(), $0, $1, $2, $3) }
            ?? Account(name: "uid-\(geteuid())", uid: geteuid(), gid: getegid(), home: "/")
    }

    package static var isRoot: Bool { geteuid() == 0 }

    package static func named(_ name: String) -> Account? {
        lookUp { record, buffer, size, result in getpwnam_r(name, record, buffer, size, result) }
    }

    package static func numbered(_ uid: UInt32) -> Account? {
        lookUp { getpwuid_r(uid, $0, $1, $2, $3) }
    }

    /// The arguments that make `program` run as this account: it ends when we are killed, and gains no privileges.
    ///
    /// setpriv(1) and not a spawn attribute: changing ids in the child of a threaded process can hang for good.
    package func command(_ program: FilePath, _ arguments: [String]) -> (program: FilePath, arguments: [String]) {
        let ids =
            uid == geteuid() ? [] : ["--reuid=\(uid)", "--regid=\(gid)", "--clear-groups"]
        return ("/usr/bin/setpriv", ids + ["--pdeathsig=INT", "--", program.string] + arguments)
    }

    private static func lookUp(
        _ call: (
            UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
        ) -> CInt
    ) -> Account? {
        var record = passwd()
        var buffer = [CChar](repeating: 0, count: 1 << 14)
        var result: UnsafeMutablePointer<passwd>?
        let size = buffer.count
        return buffer.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress, call(&record, base, size, &result) == 0, result != nil else {
                return nil
            }
            return Account(
                name: String(cString: record.pw_name), uid: record.pw_uid, gid: record.pw_gid,
                home: FilePath(String(cString: record.pw_dir)))
        }
    }
}
