package import Platform

/// The keys of one ring with their states, opened; a value, so that a change is made, written, and only then believed.
package struct Keyring: Sendable {
    package enum State: String, Codable, Sendable, CaseIterable {
        /// Made and handed out: decrypts, and nothing is encrypted with it yet.
        case pending
        /// The one that new fields are encrypted with.
        case active
        case decryptOnly = "decrypt-only"
        /// Gone for good; its id stays, so that what it encrypted is told from what was never ours.
        case destroyed
    }

    package struct Entry: Sendable, Equatable {
        package let id: FieldKeyID
        package var state: State
        package let created: Timestamp
        /// When new fields were first encrypted with it, and when no longer.
        package var activated: Timestamp?
        package var retired: Timestamp?
        package var destroyed: Timestamp?
    }

    /// A random number that all copies of this ring share.
    package let ring: String
    /// Rises with every change: of two copies the one with the greater number is the newer.
    package var generation: Int
    package var changed: Timestamp
    package var entries: [Entry]
    private var keys: [FieldKeyID: RingKey]

    init(ring: String, generation: Int, changed: Timestamp, entries: [Entry], keys: [RingKey]) {
        self.ring = ring
        self.generation = generation
        self.changed = changed
        self.entries = entries
        self.keys = Dictionary(keys.map { ($0.id, $0) }) { first, _ in first }
    }

    /// A new ring with one active key.
    package static func generate(at now: Timestamp) -> Keyring {
        let key = RingKey.generate()
        return Keyring(
            ring: Hex.encode(Randomness.bytes(16)), generation: 1, changed: now,
            entries: [Entry(id: key.id, state: .active, created: now, activated: now)], keys: [key])
    }

    package var active: Entry? { entries.first { $0.state == .active } }
    package var pending: Entry? { entries.first { $0.state == .pending } }

    /// Every key that can still decrypt.
    package var usable: [RingKey] { entries.compactMap { keys[$0.id] } }

    package func key(_ id: FieldKeyID) -> RingKey? { keys[id] }

    /// The key that new things are encrypted with.
    ///
    /// - Throws: `noActiveKey`.
    package func activeKey() throws(FieldError) -> RingKey {
        guard let active, let key = keys[active.id] else {
            throw FieldError(
                .noActiveKey, "the keyring has no active key", hint: "dbpii keys rotate --activate makes one")
        }
        return key
    }

    /// A ring with one key more, which decrypts and does not encrypt yet: the first half of a rotation.
    ///
    /// - Throws: `refused` when one is pending already.
    package func addingPending(at now: Timestamp) throws(FieldError) -> Keyring {
        if let pending {
            throw FieldError(
                .refused, "the key \(pending.id) is pending already",
                hint: "make it active with dbpii keys rotate --activate, once every application has the new keyring")
        }
        var ring = next(now)
        let key = RingKey.generate()
        ring.keys[key.id] = key
        ring.entries.append(Entry(id: key.id, state: .pending, created: now))
        return ring
    }

    /// A ring whose pending key is active: the second half of a rotation.
    ///
    /// - Throws: `refused` when none is pending.
    package func activatingPending(at now: Timestamp) throws(FieldError) -> Keyring {
        guard let pending else {
            throw FieldError(
                .refused, "no key is pending", hint: "dbpii keys rotate makes one; applications must see it first")
        }
        var ring = next(now)
        for index in ring.entries.indices {
            if ring.entries[index].state == .active {
                ring.entries[index].state = .decryptOnly
                ring.entries[index].retired = now
            } else if ring.entries[index].id == pending.id {
                ring.entries[index].state = .active
                ring.entries[index].activated = now
            }
        }
        return ring
    }

    /// A ring without the key; whether anything still needs it is for the caller to have found out.
    ///
    /// - Throws: `unknownKey`; `refused` for the active key and for one that is destroyed already.
    package func destroying(_ id: FieldKeyID, at now: Timestamp) throws(FieldError) -> Keyring {
        guard let index = entries.firstIndex(where: { $0.id == id }) else {
            throw FieldError(
                .unknownKey, "the keyring has no key \(id)", hint: "dbpii keys list shows those it has")
        }
        switch entries[index].state {
        case .active:
            throw FieldError(
                .refused, "the key \(id) is the active one", hint: "rotate first: dbpii keys rotate, then --activate")
        case .destroyed:
            throw FieldError(.refused, "the key \(id) was destroyed already")
        case .pending, .decryptOnly: break
        }
        var ring = next(now)
        ring.entries[index].state = .destroyed
        ring.entries[index].destroyed = now
        ring.keys[id] = nil
        return ring
    }

    /// The same keys as a new generation, to be wrapped for others.
    package func rewrapped(at now: Timestamp) -> Keyring { next(now) }

    private func next(_ now: Timestamp) -> Keyring {
        var ring = self
        ring.generation += 1
        ring.changed = now
        return ring
    }
}
