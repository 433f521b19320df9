/// What a column's name says about its values, in English, German, French, Spanish, Italian, Portuguese, Dutch, Polish.
///
/// A name is cut into words (`billingEmail2` into billing, email); runs of words are looked up without what separates
/// them, the longest first, so that `company_name` is not taken for a `name`.
package enum NameDictionary {
    /// How much a name says, as a share of certainty.
    package enum Strength: Double, Sendable {
        /// A word with other meanings, as "name" or "number".
        case weak = 0.35
        case strong = 0.65
    }

    /// The kinds that a column's name speaks for; a table of people makes a bare "name" a strong word.
    package static func judge(column: String, table: String) -> [PersonalKind: Strength] {
        let words = words(of: column)
        var found: [PersonalKind: Strength] = [:]
        var covered = Set<Int>()
        for length in stride(from: min(4, words.count), through: 1, by: -1) {
            for start in 0...(words.count - length) {
                let range = start..<(start + length)
                guard !range.contains(where: covered.contains) else { continue }
                guard let entry = entries[words[range].joined()] else { continue }
                covered.formUnion(range)
                guard let meaning = entry else { continue }
                let isStrong = meaning.strength == .strong || found[meaning.kind] == .strong
                found[meaning.kind] = isStrong ? .strong : .weak
            }
        }
        // `phone_type` and `email_verified` are about the thing, and are not the thing.
        let last = words.count - 1
        if let word = words.last, qualifiers.contains(word), !covered.contains(last) { return [:] }
        if let word = words.first, questions.contains(word), words.count > 1 { return [:] }
        if found[.name] == .weak, isAboutPeople(table) { found[.name] = .strong }
        return found
    }

    /// Whether a table's rows are people.
    package static func isAboutPeople(_ table: String) -> Bool {
        words(of: table).contains { word in
            people.contains(word) || (word.hasSuffix("s") && people.contains(String(word.dropLast())))
        }
    }

    /// The words of a name in small letters without accents and numbers.
    static func words(of name: String) -> [String] {
        var words: [String] = []
        var word = ""
        var wasSmall = false
        for scalar in name.unicodeScalars {
            let properties = scalar.properties
            guard properties.isAlphabetic else {
                if !word.isEmpty { words.append(word) }
                word = ""
                wasSmall = false
                continue
            }
            if properties.isUppercase, wasSmall, !word.isEmpty {
                words.append(word)
                word = ""
            }
            wasSmall = properties.isLowercase
            word += plain(scalar)
        }
        if !word.isEmpty { words.append(word) }
        return words.isEmpty ? [""] : words
    }

    /// A letter in small and without its accent.
    static func plain(_ scalar: Unicode.Scalar) -> String {
        let small = scalar.properties.lowercaseMapping
        guard small.unicodeScalars.count == 1, let letter = small.unicodeScalars.first, letter.value > 127 else {
            return small
        }
        return accents[letter] ?? small
    }

    private static let accents: [Unicode.Scalar: String] = {
        var table: [Unicode.Scalar: String] = ["ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l"]
        for (plain, accented) in [
            ("a", "àáâãäåą"), ("c", "çćč"), ("e", "èéêëę"), ("i", "ìíîï"), ("n", "ñń"), ("o", "òóôõö"), ("s", "śš"),
            ("u", "ùúûü"), ("y", "ýÿ"), ("z", "źżž"),
        ] {
            for letter in accented.unicodeScalars { table[letter] = plain }
        }
        return table
    }()

    private typealias Meaning = (kind: PersonalKind, strength: Strength)

    /// Each phrase without its separators; nil for phrases that hold a telling word and mean something else.
    private static let entries: [String: Meaning?] = {
        var table: [String: Meaning?] = [:]
        for (kind, strength, phrases) in vocabulary {
            for phrase in phrases.split(whereSeparator: \.isWhitespace) {
                table[phrase.filter { $0 != "_" }] = .some((kind, strength))
            }
        }
        for phrase in innocent.split(whereSeparator: \.isWhitespace) {
            table[phrase.filter { $0 != "_" }] = .some(nil)
        }
        return table
    }()

    private static let qualifiers: Set<String> = set(
        """
        count id flag verified enabled type status template format length size opt score total amount price version
        label category kind code_type sent opened clicked at on required confirmed valid validated policy changes
        anzahl typ nombre tipo liczba aantal
        """)

    private static let questions: Set<String> = set("is has can should num total max min avg count ist hat est tiene")

    private static let people: Set<String> = set(
        """
        user customer person people employee patient member contact client student subscriber applicant author lead donor
        guest passenger staff profile account owner tenant recipient participant visitor doctor teacher signup resident
        kunde kunden mitarbeiter person personen benutzer patienten kontakt kontakte mitglied mitglieder nutzer schuler
        personne utilisateur adherent salarie abonne eleve cliente clientes usuario usuarios empleado empleados
        paciente persona personas alumno utente utenti dipendente dipendenti paziente pazienti persone funcionario
        pessoa pessoas aluno gebruiker gebruikers klant klanten medewerker medewerkers persoon personen lid leden
        klient klienci uzytkownik uzytkownicy pracownik pracownicy pacjent pacjenci osoba osoby
        """)

    private static func set(_ text: String) -> Set<String> {
        Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
    }

    private static let innocent = """
        company_name product_name file_name filename host_name hostname table_name event_name display_label app_name
        site_name group_name role_name team_name brand_name model_name category_name tag_name field_name column_name
        class_name package_name job_name plan_name index_name project_name domain_name service_name plant_name
        ship_name bank_name street_type firmenname produktname dateiname nom_produit nom_entreprise nom_fichier
        nombre_producto nombre_empresa nome_prodotto nome_azienda nome_produto nome_empresa productnaam bedrijfsnaam
        nazwa_produktu nazwa_firmy web_address mac_address_type email_template contract_address wallet_address
        memory_address return_address_code status_code country_code currency_code error_code product_code
        language_code code_postal_region machine_state token_type token_count address_id
        """
}
