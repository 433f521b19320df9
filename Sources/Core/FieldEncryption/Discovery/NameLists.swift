/// Common names of people, enough to recognise a column of them by a part of its values, and to invent others.
enum NameLists {
    static let given: [String] = words(
        """
        james mary john patricia robert jennifer michael linda david elizabeth william barbara richard susan joseph jessica
        thomas sarah charles karen christopher lisa daniel nancy matthew betty anthony margaret mark sandra donald ashley
        steven kimberly paul emily andrew donna joshua michelle kenneth carol kevin amanda brian dorothy george melissa
        timothy deborah ronald stephanie edward rebecca jason sharon jeffrey laura ryan cynthia jacob kathleen gary amy
        nicholas angela eric shirley jonathan anna stephen brenda larry pamela justin emma scott nicole brandon helen
        benjamin samantha samuel katherine gregory christine alexander debra patrick rachel jack carolyn dennis janet
        oliver olivia harry amelia noah isla ethan ava lucas mia liam sophia mason charlotte logan harper
        hans peter wolfgang klaus jürgen dieter manfred uwe günter horst bernd frank ursula monika petra sabine renate
        karin brigitte ingrid andrea gisela claudia susanne heike stefan andreas tobias sebastian florian markus matthias
        jan lukas leon felix jonas finn maximilian hannah lena lea leonie johanna katharina anja birgit
        jean pierre michel philippe alain nicolas christophe laurent françois julien marie nathalie isabelle sylvie
        catherine martine françoise monique valérie sandrine camille chloé léa manon inès louis hugo jules gabriel arthur
        jose antonio juan manuel francisco luis javier carlos miguel jesús alejandro pablo sergio fernando alberto maria
        carmen josefa isabel dolores pilar teresa ana francisca cristina lucía marta paula elena raquel beatriz
        giuseppe giovanni mario luigi andrea roberto stefano marco francesco alessandro lorenzo matteo leonardo giulia
        francesca chiara federica silvia elisa alessia martina sofia aurora paola rosa angela
        joão josé pedro tiago rui nuno miguel diogo gonçalo inês catarina mariana beatriz margarida fátima joana
        johannes willem cornelis hendrik pieter gerrit dirk bram sem daan maria johanna anneke saskia femke sanne lotte
        piotr krzysztof andrzej tomasz paweł jan michał marcin jakub adam katarzyna małgorzata agnieszka barbara ewa
        zofia magdalena joanna aleksandra monika
        mohamed ahmed ali fatima aisha omar youssef hassan mehmet mustafa ayşe emine wei li ming hiroshi yuki kenji
        raj priya amit anita sanjay ivan olga dmitri natalia sergei elena erik lars anders karin astrid sven
        """)

    static let family: [String] = words(
        """
        smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson anderson
        thomas taylor moore jackson martin lee perez thompson white harris sanchez clark ramirez lewis robinson walker
        young allen king wright scott torres nguyen hill flores green adams nelson baker hall rivera campbell mitchell
        carter roberts gomez phillips evans turner diaz parker cruz edwards collins reyes stewart morris morales murphy
        cook rogers gutierrez ortiz morgan cooper peterson bailey reed kelly howard ramos kim cox ward richardson watson
        brooks chavez wood james bennett gray mendoza ruiz hughes price alvarez castillo sanders patel myers long ross
        foster jimenez davies patterson khan ali shah singh kumar
        müller schmidt schneider fischer weber meyer wagner becker schulz hoffmann schäfer koch bauer richter klein wolf
        schröder neumann schwarz zimmermann braun krüger hofmann hartmann lange werner krause lehmann maier köhler
        herrmann walter könig mayer huber kaiser fuchs peters lang scholz möller weiß jung hahn vogel
        bernard dubois petit robert durand leroy moreau simon laurent lefebvre michel garcia roux bertrand
        morel fournier girard bonnet dupont lambert fontaine rousseau vincent muller faure blanc mercier
        fernandez gonzález rodríguez lópez martínez sánchez pérez gómez jiménez moreno muñoz álvarez romero alonso navarro
        domínguez vázquez gil serrano blanco molina suárez castro ortega delgado rubio
        rossi russo ferrari esposito bianchi romano colombo ricci marino greco bruno gallo conti costa giordano mancini
        rizzo lombardi moretti barbieri
        silva santos ferreira pereira oliveira costa rodrigues martins sousa fernandes gonçalves gomes lopes marques
        almeida alves ribeiro pinto carvalho teixeira
        jansen vries bakker visser smit meijer mulder bos vos peters hendriks dekker brouwer dijkstra kok
        nowak kowalski kowalska wiśniewski wiśniewska wójcik kowalczyk kamiński lewandowski zieliński szymański woźniak
        dąbrowski kozłowski jankowski mazur
        wang zhang chen liu yang tanaka suzuki sato takahashi yamamoto ivanov petrov smirnov andersson johansson hansen
        nielsen larsen olsen yılmaz kaya demir hussain ahmed
        """)

    static let all = Set(given + family)

    /// Whether a text is words as names are, of which at least one is on the list.
    static func holdsName(_ value: SampledValue) -> Bool {
        words(of: value)?.contains { all.contains($0) } ?? false
    }

    /// Whether a text could be somebody's name: one to five words of letters, beginning with capitals or all in one case.
    static func looksLikeName(_ value: SampledValue) -> Bool {
        guard value.digits.isEmpty, value.bytes.count <= 60, let words = words(of: value) else { return false }
        return (1...5).contains(words.count) && words.contains { $0.count > 1 }
            && value.text.first.map { $0.isUppercase || !$0.isCased } ?? false
    }

    private static func words(of value: SampledValue) -> [String]? {
        guard value.letters > 1 else { return nil }
        var words: [String] = []
        for word in value.text.lowercased().split(whereSeparator: { " ,.-'’".contains($0) }) {
            guard word.allSatisfy(\.isLetter) else { return nil }
            words.append(String(word))
        }
        return words
    }

    private static func words(_ text: String) -> [String] {
        var seen = Set<String>()
        return text.split(whereSeparator: \.isWhitespace).map(String.init).filter { seen.insert($0).inserted }
    }

    /// Words that stand in streets' names, in the languages of `NameDictionary`.
    private static let streetWords: Set<String> = Set(
        words(
            """
            street st str road rd avenue ave av lane ln drive dr boulevard blvd court ct way place pl terrace close
            crescent highway hwy square sq strasse straße weg platz allee gasse ring ufer damm rue chemin impasse quai
            route cours calle avenida avda plaza paseo camino carrera via viale piazza corso vicolo largo rua travessa
            praça estrada alameda straat laan plein gracht kade dreef ulica ul al aleja plac os osiedle apt suite floor
            """))

    private static let streetEndings = [
        "straße", "strasse", "str", "weg", "platz", "gasse", "allee", "straat", "laan", "gracht",
    ]

    /// Whether a text has a number, words, and one that streets are called by.
    static func isAddress(_ value: SampledValue) -> Bool {
        guard !value.digits.isEmpty, value.digits.count < 12, value.letters >= 4, value.spaces > 0,
            value.bytes.count <= 200
        else { return false }
        let words = value.text.lowercased().split { " ,.;/\n".contains($0) }
        guard words.count >= 2, words.contains(where: { $0.first?.isNumber ?? false }) else { return false }
        return words.contains { word in
            streetWords.contains(String(word)) || (word.count > 5 && streetEndings.contains { word.hasSuffix($0) })
        }
    }

    private static let cities: Set<String> = Set(
        """
        london,paris,berlin,madrid,rome,roma,amsterdam,vienna,wien,hamburg,münchen,munich,köln,cologne,frankfurt,stuttgart,
        düsseldorf,leipzig,dresden,hannover,bremen,nürnberg,zürich,zurich,genève,geneva,bern,basel,lyon,marseille,toulouse,
        nice,nantes,bordeaux,lille,strasbourg,rennes,barcelona,valencia,sevilla,zaragoza,málaga,bilbao,milano,milan,napoli,
        naples,torino,turin,palermo,genova,bologna,firenze,florence,venezia,lisboa,lisbon,porto,braga,coimbra,são paulo,
        rio de janeiro,rotterdam,den haag,utrecht,eindhoven,groningen,antwerpen,antwerp,bruxelles,brussels,gent,warszawa,
        warsaw,kraków,łódź,wrocław,poznań,gdańsk,szczecin,lublin,katowice,prague,praha,budapest,copenhagen,stockholm,oslo,
        helsinki,dublin,edinburgh,glasgow,manchester,birmingham,leeds,liverpool,bristol,cardiff,belfast,new york,
        los angeles,chicago,houston,phoenix,philadelphia,san antonio,san diego,dallas,austin,boston,seattle,denver,
        washington,atlanta,miami,detroit,portland,toronto,montreal,vancouver,sydney,melbourne,brisbane,tokyo,osaka,
        mumbai,delhi,bangalore,shanghai,beijing,singapore,istanbul,ankara,cairo,moscow,athens
        """.split(whereSeparator: { $0 == "," || $0 == "\n" }).map(String.init))

    static func isCity(_ value: SampledValue) -> Bool {
        value.letters > 2 && value.bytes.count < 40 && cities.contains(value.text.lowercased())
    }
}
