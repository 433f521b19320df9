package import Platform
package import SystemPackage

/// A keyring's file: 0600, written atomically, changed under a lock.
package struct KeyringFile: Sendable {
    package let path: FilePath
    /// Copies that every change is written to, and that must agree.
    package let copies: [FilePath]

    package init(_ path: FilePath, copies: [FilePath] = []) {
        self.path = path
        self.copies = copies
    }

    /// The document as it stands there; needs no key, and says nothing about who wrote it.
    package func read() throws -> KeyringDocument {
        try checkPresence()
        return try Self.read(path)
    }

    /// Opens the ring.
    ///
    /// - Throws: `locked` when the secret is not the one; `keyring` when the file was changed otherwise than by this code.
    package func open(with secret: SecretBytes) throws -> OpenKeyring {
        try checkPresence()
        // Before the reading: a file that is replaced in between is looked at again.
        let stamp = try FileStamp(path)
        return try OpenKeyring(read(), secret, stamp: stamp, name: path.string)
    }

    /// Writes a new ring; never over another.
    package func create(_ keyring: Keyring, _ protection: KeyringProtection) throws {
        for path in [path] + copies where Files.exists(path) {
            throw PlainFailure(
                .cannotCreate, "there is a keyring at \(path) already",
                hint: "dbpii keys rotate changes its keys, dbpii keys rewrap who opens it")
        }
        try Files.createDirectory(path.removingLastComponent())
        try FileLock.holding(lock) {
            try write(KeyringDocument(keyring, protection, sealKey: SecretBytes(random: 32)))
        }
    }

    /// Changes the ring under the lock: opens it, and writes what `change` makes of it, everywhere or nowhere first.
    ///
    /// - Parameter protection: wraps the keys for others than before.
    @discardableResult
    package func change(
        with secret: SecretBytes, protection: KeyringProtection? = nil,
        _ change: (Keyring) throws -> Keyring
    ) throws -> Keyring {
        try FileLock.holding(lock, wait: true) {
            try check()
            let opened = try open(with: secret)
            let keyring = try change(opened.keyring)
            let wrapping = try protection ?? opened.protection(secret)
            try write(KeyringDocument(keyring, wrapping, sealKey: opened.sealKey))
            return keyring
        }
    }

    /// The ring wrapped for others, of the same generation: a custodian's copy.
    package func exported(with secret: SecretBytes, for protection: KeyringProtection) throws -> [UInt8] {
        let opened = try open(with: secret)
        return try KeyringDocument(opened.keyring, protection, sealKey: opened.sealKey).encoded()
    }

    /// Refuses to go on when a copy that can be read does not agree.
    package func check() throws {
        let own = try read()
        for copy in copies {
            guard Files.exists(copy) else { continue }
            try Self.judge(own.comparison(with: Self.read(copy)), copy, path)
        }
    }

    private func checkPresence() throws {
        guard Files.exists(path) else {
            throw PlainFailure(
                .configuration, "there is no keyring at \(path)",
                hint: "dbpii keys init makes one; restore a lost one from a copy, since a new one opens nothing old")
        }
    }

    private static func judge(_ comparison: KeyringComparison, _ copy: FilePath, _ path: FilePath) throws {
        switch comparison {
        case .same: return
        case .older(let generation):
            throw FieldError(
                .keyring, "the copy \(copy) is older than the keyring: its generation is \(generation)",
                hint: "copy \(path) over it")
        case .newer(let generation):
            throw FieldError(
                .keyring, "the keyring \(path) is older than its copy \(copy), whose generation is \(generation)",
                hint: "was an old keyring restored here? copy \(copy) over it")
        case .disagrees:
            throw FieldError(
                .keyring, "the keyring \(path) and its copy \(copy) disagree, and are of one generation",
                hint: "both were changed apart: keep both files, and find out which keys are in use (dbpii verify)")
        case .otherRing:
            throw FieldError(.keyring, "\(copy) is another ring than \(path)", hint: "remove it from the copies")
        }
    }

    private static func read(_ path: FilePath) throws -> KeyringDocument {
        try KeyringDocument(reading: Files.readSecret(path, limit: 16 << 20), named: path.string)
    }

    /// Copies first: the keyring itself never has a key that no copy has.
    private func write(_ document: KeyringDocument) throws {
        let bytes = try document.encoded()
        for path in copies + [path] {
            try Files.createDirectory(path.removingLastComponent())
            try Files.write(bytes, to: path)
        }
    }

    private var lock: FilePath { path.removingLastComponent().appending(".\(path.lastComponent?.string ?? "").lock") }
}

/// A keyring with its keys at hand, and what its file was when it was read.
package struct OpenKeyring: Sendable {
    package let keyring: Keyring
    package let stamp: FileStamp
    let sealKey: SecretBytes
    private let document: KeyringDocument

    init(_ document: KeyringDocument, _ secret: SecretBytes, stamp: FileStamp, name: String) throws {
        let opener = try KeyringOpener(document, secret)
        sealKey = try opener.unwrap(document.seal, as: "seal", ring: document.ring)
        let code = document.code(sealKey)
        guard constantTimeEqual(Array(code.utf8).span, Array(document.mac.utf8).span) else {
            throw FieldError(
                .keyring, "the keyring \(name) was changed by hand or is damaged: its code does not fit",
                hint: "restore it from a copy")
        }
        var keys: [RingKey] = []
        for entry in document.keys {
            guard let wrapped = entry.wrapped else { continue }
            let key = try RingKey(opener.unwrap(wrapped, as: entry.id.description, ring: document.ring))
            guard key.id == entry.id else {
                throw FieldError(.keyring, "the keyring \(name) has another key under the id \(entry.id)")
            }
            keys.append(key)
        }
        self.document = document
        self.stamp = stamp
        keyring = Keyring(
            ring: document.ring, generation: document.generation, changed: document.changed,
            entries: document.entries, keys: keys)
    }

    /// As it is wrapped now.
    func protection(_ secret: SecretBytes) throws -> KeyringProtection {
        if let recipients = document.recipients {
            return .recipients(try recipients.map { text throws(CryptographyError) in try AgeRecipient(parsing: text) })
        }
        let cost = document.passphrase.map {
            KeyringPassphrase.Cost(operations: $0.operations, memory: $0.memory)
        }
        return try .passphrase(secret, cost: cost ?? .standard)
    }
}
