package import Platform
package import SystemPackage

/// A room in which code that table owners wrote may run: it holds a PostgreSQL installation and one folder, nothing else.
///
/// A restore runs CHECK constraints, index expressions and the like as superuser of the scratch cluster, and a superuser may
/// run programs. So every program of a proof, clients too, runs in its own network, mount, process and IPC namespaces, on a
/// root of its own that has `/usr`, read-only, the few files of `/etc` that a program needs to start, an own `/tmp`, and the
/// cluster's folder: no socket of another server, no key, no repository, no home. It acts as an account used for nothing
/// else, without capabilities, unable to gain any, and with an environment of its own.
package struct Isolation: Sendable {
    /// The account that proofs run as; never `postgres`, whose name opens the production server by peer authentication.
    package static let accountName = "dbsec-scratch"

    package let account: Account
    /// The only folder that the room can write to, at the same path inside and outside.
    package let cluster: FilePath
    private let mountPoint: FilePath
    private let shown: [FilePath]
    private let hidden: [FilePath]

    /// - Parameters:
    ///   - folder: belongs to us alone; receives the cluster's folder and the mount point of the room.
    ///   - shown: the PostgreSQL installation, as `needed(for:)` finds it.
    ///   - hidden: what must stay invisible even if it lies inside the installation: state folder, repository.
    package init(folder: FilePath, shown: [FilePath], hidden: [FilePath]) throws {
        account = try Self.requiredAccount()
        self.hidden = hidden
        self.shown = shown
        cluster = folder.appending("cluster")
        mountPoint = folder.appending("room")
        try Files.createDirectory(mountPoint)
        try Files.createDirectory(cluster)
        try Files.changeOwner(cluster, to: account)
    }

    /// The folders that the programs in this `bin` folder need: their installation, and where else they have libraries.
    package static func needed(for binaries: FilePath) async throws -> [FilePath] {
        let installation = binaries.removingLastComponent()
        guard !isSystem(installation) else { return [installation] }
        let programs = ["postgres", "initdb", "pg_dump", "pg_restore"].map { binaries.appending($0).string }
        let said = String(decoding: try await Child("/usr/bin/ldd", programs).run(), as: UTF8.self)
        let libraries = said.split(separator: "\n").compactMap { line -> FilePath? in
            guard let path = line.split(separator: " ").first(where: { $0.hasPrefix("/") && !$0.hasSuffix(":") }) else {
                return nil
            }
            return FilePath(String(path)).lexicallyNormalized().removingLastComponent()
        }
        let others = Set(libraries).filter { !isSystem($0) && !$0.starts(with: installation) }
        return [installation] + others.sorted { $0.string < $1.string }
    }

    private static func isSystem(_ path: FilePath) -> Bool {
        ["/usr", "/lib", "/lib64"].contains { path.starts(with: FilePath($0)) }
    }

    /// The account, once it is known that programs can be made to run as it.
    static func requiredAccount() throws -> Account {
        guard Account.isRoot else {
            throw PlainFailure(
                .configuration, "a scratch cluster can only be isolated by root",
                hint: "run as root, prove on another host, or use --level decode, which restores nothing")
        }
        guard let account = Account.named(Self.accountName) else {
            throw PlainFailure(
                .configuration, "the account \(Self.accountName) does not exist",
                hint: "make it: useradd \(Self.accountCreation.joined(separator: " "))")
        }
        return account
    }

    /// Makes the account, when it is not there yet and we are root.
    package static func makeAccount() async throws {
        guard Account.isRoot, Account.named(accountName) == nil else { return }
        do {
            _ = try await Child("/usr/sbin/useradd", accountCreation).run()
        } catch {
            // Another run may have made it in the meantime.
            guard Account.named(accountName) != nil else { throw error }
        }
    }

    private static let accountCreation = [
        "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", accountName,
    ]

    /// What to start so that `program` runs inside the room; it ends when we do, with everything it started.
    package func command(
        _ program: FilePath, _ arguments: [String], environment: [String: String] = [:]
    ) -> (program: FilePath, arguments: [String]) {
        let variables = environment.merging(["PATH": "/usr/bin:/bin"]) { own, _ in own }
        return (
            "/usr/bin/setpriv",
            ["--pdeathsig=KILL", "--", "/usr/bin/unshare"]
                + ["--net", "--mount", "--ipc", "--uts", "--cgroup", "--pid", "--fork", "--kill-child=KILL"]
                + ["--", "/bin/sh", "-c", Self.script, "room"]
                + [String(account.uid), String(account.gid), mountPoint.string, cluster.string]
                + [String(shown.count)] + shown.map(\.string)
                + [String(hidden.count)] + hidden.map(\.string)
                + variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                + [program.string] + arguments
        )
    }

    /// - Throws: status 78 when a program cannot be isolated here: nothing then runs.
    package func check() async throws {
        let command = command("/bin/true", [])
        do {
            try await Child(command.program, command.arguments, name: "unshare").run()
        } catch let failure as ChildFailure {
            throw PlainFailure(
                .configuration, "a scratch cluster cannot be isolated here: \(failure.sentence)",
                hint: "it needs to make namespaces and mounts, as most containers may not: prove on another host, "
                    + "or use --level decode, which restores nothing")
        }
    }

    /// The text is fixed; every path arrives as a positional argument and is quoted where it is used.
    private static let script = #"""
        set -eu
        PATH=/usr/sbin:/usr/bin:/sbin:/bin
        ulimit -c 0
        uid=$1 gid=$2 root=$3 cluster=$4 shown=$5
        shift 5
        mount -t tmpfs -o mode=0755,nodev,nosuid,size=16m room "$root"
        mkdir "$root/etc" "$root/proc" "$root/dev" "$root/dev/shm" "$root/tmp" "$root/outside"
        mount -t tmpfs -o mode=1777,nosuid,nodev room "$root/dev/shm"
        mount -t tmpfs -o mode=1777,nosuid,nodev,size=64m room "$root/tmp"
        show() {
            mkdir -p "$root$1"
            mount --bind "$1" "$root$1"
            mount -o remount,bind,ro,nosuid,nodev "$root$1"
        }
        show /usr
        while [ "$shown" -gt 0 ]; do
            show "$1"
            shown=$((shown - 1))
            shift
        done
        hidden=$1
        shift
        for name in /bin /sbin /lib /lib64; do
            if [ -L "$name" ]; then cp -P "$name" "$root$name"; elif [ -d "$name" ]; then show "$name"; fi
        done
        for name in ld.so.cache localtime nsswitch.conf passwd group; do
            if [ -f "/etc/$name" ]; then cat "/etc/$name" > "$root/etc/$name"; fi
        done
        for name in null zero full random urandom; do
            : > "$root/dev/$name"
            mount --bind "/dev/$name" "$root/dev/$name"
        done
        while [ "$hidden" -gt 0 ]; do
            if [ -d "$root$1" ]; then mount -t tmpfs -o mode=0000,size=4k room "$root$1"; fi
            hidden=$((hidden - 1))
            shift
        done
        mkdir -p "$root$cluster"
        mount --bind "$cluster" "$root$cluster"
        mount -o remount,bind,nosuid,nodev "$root$cluster"
        mount -t proc -o nosuid,nodev,noexec room "$root/proc"
        cd "$root"
        pivot_root . outside
        umount -l /outside
        mount -o remount,ro,nosuid,nodev /
        cd "$cluster"
        exec setpriv --reuid="$uid" --regid="$gid" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
            --ambient-caps=-all --pdeathsig=KILL -- /usr/bin/env -i "$@"
        """#
}
