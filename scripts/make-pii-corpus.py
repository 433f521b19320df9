#!/usr/bin/env python3
"""Makes the labelled corpus that discovery is measured on: scripts/make-pii-corpus.py > Tests/Fixtures/pii-corpus/corpus.jsonl

One line a column: table, column, type, label (a kind, or "none"), values. A JSON column has labels by path. Everything is
invented with a fixed seed; the names of people are from a list of this script's own, of which discovery's list knows some.
"""
import json
import random
import sys

random.seed(int(sys.argv[1]) if len(sys.argv) > 1 else 20261126)
ROWS = 60
R = random

GIVEN = """Aurelia Bartholomew Clementine Dashiell Eudora Fitzgerald Gwendolyn Hortense Ignatius Jocasta Leopold Marigold
Thaddeus Ursula Xenia Zebulon Anna Peter Maria Thomas Sarah Michael Julia Daniel Laura Martin Eva Lukas Klara Jakob Tilda
Ottokar Hedwig Friedhelm Gudrun Thibault Apolline Gaspard Capucine Ximena Iker Aitana Ottavia Ludovica Tancredi Vasco
Matilde Joost Fenna Wouter Maartje Bogusław Stanisława Grzegorz Jadwiga Hans Giulia Pierre Carmen Piotr Inês""".split()
FAMILY = """Abernathy Birdwhistle Cholmondeley Dunsmuir Entwistle Featherstone Grimshaw Hollingsworth Ingersoll Kettering
Lovelace Quigley Ravenscroft Smith Johnson Miller Brown Taylor Müller Schmidt Obermeier Grünewald Kirchhoff Vogelsang
Steinbrenner Delacroix Beaumont Charpentier Vasseur Dubois Martin Echeverría Zubizarreta García López Bellucci Montanari
Rossi Figueiredo Vasconcelos Silva Dijkgraaf Oosterhuis Jansen Brzęczyszczykiewicz Grabowski Kowalski Nowak Szczepański""".split()
STREETS = ["Kirchweg {n}", "Hauptstraße {n}", "{n} Elm Street", "{n} Old Mill Road", "Rue des Lilas {n}", "{n} rue Pasteur",
           "Calle Mayor {n}", "Via Garibaldi {n}", "Rua das Flores {n}", "Dorpsstraat {n}", "ul. Polna {n}", "Lindenallee {n}",
           "{n} Harbour View Ave", "Am Markt {n}", "Avenida del Sol {n}", "Keizersgracht {n}"]
CITIES = """Musterstadt Berlin Freiburg Tübingen Paris Grenoble Annecy Madrid Salamanca Siena Milano Lucca Porto Évora Leiden
Utrecht Kraków Opole London Norwich Springfield Boston Asheville""".split()


def digits(n, first="0123456789"):
    return R.choice(first) + "".join(R.choice("0123456789") for _ in range(n - 1))


def luhn(payload):
    total = 0
    for i, c in enumerate(reversed(payload)):
        d = int(c) * (2 if i % 2 == 0 else 1)
        total += d - 9 if d > 9 else d
    return payload + str((10 - total % 10) % 10)


def card():
    prefix = R.choice(["4", "51", "52", "55"])
    return luhn(prefix + digits(15 - len(prefix)))


def iban():
    country, length = R.choice([("DE", 18), ("NL", 14), ("ES", 20), ("GB", 18), ("FR", 23)])
    body = digits(length) if country in ("DE", "ES", "FR") else "".join(R.choice("ABCDEFGH") for _ in range(4)) + digits(length - 4)
    number = int("".join(str(int(c, 36)) for c in body + country + "00"))
    return f"{country}{98 - number % 97:02d}{body}"


def spaced(text, n=4):
    return " ".join(text[i:i + n] for i in range(0, len(text), n))


def email():
    a, b = R.choice(GIVEN).lower(), R.choice(FAMILY).lower()
    local = R.choice([f"{a}.{b}", f"{a[0]}{b}", f"{a}{R.randint(1, 99)}", b])
    return "".join(c for c in local if c.isascii()) + "@" + R.choice(["example.com", "mail.example.org", "post.example.de", "web.example.fr"])


def phone():
    return R.choice([lambda: "+49 " + digits(3, "1") + " " + digits(7), lambda: "+44" + digits(10, "7"), lambda: f"({digits(3, '2345')}) {digits(3, '2345')}-{digits(4)}",
                     lambda: "0" + digits(2, "6") + " " + spaced(digits(8), 2), lambda: "+351 " + spaced(digits(9, "9"), 3), lambda: "0" + digits(3, "1") + "/" + digits(7)])()


def day(first, last):
    return f"{R.randint(first, last)}-{R.randint(1, 12):02d}-{R.randint(1, 28):02d}"


def pesel():
    y = R.randint(40, 99)
    body = f"{y:02d}{R.randint(1, 12):02d}{R.randint(1, 28):02d}{digits(4)}"
    return body + str((10 - sum(int(c) * w for c, w in zip(body, [1, 3, 7, 9] * 3)) % 10) % 10)


def dni():
    n = int(digits(8, "1234567"))
    return f"{n:08d}" + "TRWAGMYFPDXBNJZSQVHLCKE"[n % 23]


def bsn():
    while True:
        t = digits(9, "123456789")
        if sum(int(c) * w for c, w in zip(t, [9, 8, 7, 6, 5, 4, 3, 2, -1])) % 11 == 0:
            return t


def nir():
    body = R.choice("12") + f"{R.randint(40, 99):02d}{R.randint(1, 12):02d}{R.randint(1, 95):02d}" + digits(6)
    return body + f"{97 - int(body) % 97:02d}"


def steuer():
    while True:
        t = digits(10, "123456789")
        if sorted(t.count(c) for c in set(t))[-1] in (2, 3) and sum(t.count(c) > 1 for c in set(t)) == 1:
            break
    p = 10
    for c in t:
        s = (int(c) + p) % 10 or 10
        p = s * 2 % 11
    return t + str((11 - p) % 10)


def fiscale():
    odd = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]
    cons = "BCDFGLMNPRSTVZ"
    t = "".join(R.choice(cons) for _ in range(6)) + f"{R.randint(40, 99)}" + R.choice("ABCDEHLMPRST") + f"{R.randint(1, 28):02d}" + R.choice("AFHL") + digits(3)
    value = lambda c: int(c) if c.isdigit() else ord(c) - 65
    return t + chr(65 + sum(odd[value(c)] if i % 2 == 0 else value(c) for i, c in enumerate(t)) % 26)


def cpf():
    t = digits(9, "123456789")
    for n in (10, 11):
        t += str(sum(int(c) * w for c, w in zip(t, range(n, 1, -1))) * 10 % 11 % 10)
    return f"{t[:3]}.{t[3:6]}.{t[6:9]}-{t[9:]}"


def nif():
    t = R.choice("12") + digits(7)
    c = 11 - sum(int(d) * w for d, w in zip(t, range(9, 1, -1))) % 11
    return t + str(0 if c > 9 else c)


def ssn():
    return f"{R.randint(100, 665):03d}-{R.randint(1, 99):02d}-{R.randint(1, 9999):04d}"


def name(): return R.choice(GIVEN)
def family(): return R.choice(FAMILY)
def full(): return f"{name()} {family()}"
def street(): return R.choice(STREETS).format(n=R.randint(1, 180))
def ip4(): return ".".join(str(R.randint(1, 254)) for _ in range(4))
def hexes(n): return "".join(R.choice("0123456789abcdef") for _ in range(n))
def uuid(): return "-".join(hexes(n) for n in (8, 4, 4, 4, 12))
def pick(*options): return lambda: R.choice(options)
def words(*stock): return lambda: " ".join(R.choice(stock) for _ in range(R.randint(4, 12)))


PRODUCT = lambda: f"{R.choice(['Ultra', 'Eco', 'Pro', 'Mini', 'Classic'])} {R.choice(['Lamp', 'Chair', 'Desk', 'Kettle', 'Mouse', 'Shelf'])} {R.choice(['XL', '200', 'Plus', 'S'])}"
COMPANY = lambda: f"{R.choice(['Northwind', 'Acme', 'Globex', 'Initech', 'Umbrella', 'Soylent', 'Hooli', 'Vandelay'])} {R.choice(['GmbH', 'Ltd', 'SA', 'Inc', 'BV', 'Srl'])}"
TEXT = words("order", "arrived", "late", "please", "send", "the", "invoice", "again", "thanks", "box", "damaged", "blue", "and", "green")
serial = iter(range(100000, 999999))
NEXT = lambda: str(next(serial))

TABLES = {
    "users": [("id", "int8", "none", NEXT), ("email", "text", "email", email), ("first_name", "text", "name", name), ("last_name", "text", "name", family),
              ("phone_number", "text", "phone", phone), ("date_of_birth", "date", "birth-date", lambda: day(1945, 2005)), ("created_at", "timestamptz", "none", lambda: day(2023, 2026) + " 12:34:56+00"),
              ("status", "text", "none", pick("active", "inactive", "banned")), ("email_verified", "bool", "none", pick("t", "f")), ("login_count", "int4", "none", lambda: str(R.randint(0, 900))),
              ("last_ip", "inet", "ip-address", ip4), ("password_hash", "text", "secret", lambda: "$2b$12$" + "".join(R.choice("abcdefghijkABCDEFGH./0123456789") for _ in range(53))),
              ("gender", "text", "gender", pick("male", "female", "other")), ("locale", "text", "none", pick("en_US", "de_DE", "fr_FR")), ("avatar_url", "text", "none", lambda: f"https://cdn.example.com/a/{hexes(12)}.png"),
              ("ssn", "text", "national-id", ssn), ("username", "text", "name", lambda: family().lower() + str(R.randint(1, 99))), ("phone_type", "text", "none", pick("mobile", "home", "work"))],
    "orders": [("order_number", "text", "none", lambda: "ORD-" + digits(8)), ("total", "numeric", "none", lambda: f"{R.randint(5, 900)}.{R.randint(0, 99):02d}"), ("status", "text", "none", pick("NEW", "PAID", "SHIPPED", "FULL_REFUND")),
               ("tracking_code", "text", "none", lambda: "1Z" + hexes(6).upper() + digits(8)), ("shipping_address", "text", "address", lambda: f"{street()}, {digits(5)} {R.choice(CITIES)}"), ("zip", "text", "postal-code", lambda: digits(5)),
               ("city", "text", "city", lambda: R.choice(CITIES)), ("country_code", "text", "none", pick("DE", "FR", "ES", "US")), ("comment", "text", "none", TEXT), ("ordered_on", "date", "none", lambda: day(2022, 2026)), ("customer_ref", "uuid", "none", uuid)],
    "payments": [("card_number", "text", "payment-card", lambda: spaced(card())), ("cardholder_name", "text", "name", full), ("iban", "text", "iban", lambda: spaced(iban())), ("reference", "text", "none", lambda: digits(16, "789")),
                 ("amount_cents", "int8", "none", lambda: str(R.randint(100, 99999))), ("currency", "text", "none", pick("EUR", "USD", "GBP")), ("transaction_id", "text", "none", lambda: hexes(24)), ("pan", "text", "payment-card", card), ("method", "text", "none", pick("card", "sepa", "cash"))],
    "kunden": [("vorname", "text", "name", name), ("nachname", "text", "name", family), ("strasse", "text", "address", street), ("plz", "text", "postal-code", lambda: digits(5)), ("wohnort", "text", "city", lambda: R.choice(CITIES)),
               ("telefon", "text", "phone", phone), ("geburtsdatum", "text", "birth-date", lambda: f"{R.randint(1, 28):02d}.{R.randint(1, 12):02d}.{R.randint(1940, 2004)}"), ("steuer_id", "text", "national-id", steuer), ("kundennummer", "text", "none", lambda: "K" + digits(6)),
               ("rabatt", "numeric", "none", lambda: f"0.{R.randint(1, 30):02d}"), ("anrede", "text", "gender", pick("Herr", "Frau")), ("bankverbindung", "text", "iban", iban), ("angelegt_am", "date", "none", lambda: day(2018, 2026)), ("bemerkung", "text", "none", TEXT)],
    "clients": [("prenom", "text", "name", name), ("nom_de_famille", "text", "name", family), ("courriel", "text", "email", email), ("code_postal", "text", "postal-code", lambda: digits(5)), ("ville", "text", "city", lambda: R.choice(CITIES)),
                ("numero_securite_sociale", "text", "national-id", nir), ("date_naissance", "date", "birth-date", lambda: day(1940, 2004)), ("adresse", "text", "address", street), ("chiffre_affaires", "numeric", "none", lambda: str(R.randint(100, 99999))), ("statut", "text", "none", pick("actif", "inactif")), ("portable", "text", "phone", phone)],
    "empleados": [("nombre", "text", "name", name), ("apellidos", "text", "name", lambda: f"{family()} {family()}"), ("dni", "text", "national-id", dni), ("correo", "text", "email", email), ("movil", "text", "phone", phone), ("puesto", "text", "none", pick("Ingeniero", "Ventas", "Gerente", "FULL_TIME")),
                  ("salario", "int4", "none", lambda: str(R.randint(18000, 90000))), ("fecha_nacimiento", "date", "birth-date", lambda: day(1950, 2003)), ("fecha_alta", "date", "none", lambda: day(2005, 2026)), ("direccion", "text", "address", street)],
    "dipendenti": [("cognome", "text", "name", family), ("codice_fiscale", "text", "national-id", fiscale), ("indirizzo", "text", "address", street), ("cap", "text", "postal-code", lambda: digits(5)), ("data_di_nascita", "date", "birth-date", lambda: day(1950, 2003)), ("cellulare", "text", "phone", phone), ("reparto", "text", "none", pick("Vendite", "Acquisti", "IT"))],
    "pessoas": [("nome", "text", "name", full), ("cpf", "text", "national-id", cpf), ("nif", "text", "national-id", nif), ("telemovel", "text", "phone", phone), ("endereco", "text", "address", street), ("senha", "text", "secret", lambda: hexes(40)), ("ativo", "text", "none", pick("sim", "nao"))],
    "klanten": [("voornaam", "text", "name", name), ("achternaam", "text", "name", family), ("bsn", "int8", "national-id", bsn), ("postcode", "text", "postal-code", lambda: digits(4, "123456789") + " " + "".join(R.choice("ABCDEFGH") for _ in range(2))), ("woonplaats", "text", "city", lambda: R.choice(CITIES)),
                ("geboortedatum", "date", "birth-date", lambda: day(1940, 2004)), ("rekeningnummer", "text", "iban", iban), ("klantnummer", "int4", "none", NEXT)],
    "pracownicy": [("imie", "text", "name", name), ("nazwisko", "text", "name", family), ("pesel", "text", "national-id", pesel), ("ulica", "text", "address", street), ("kod_pocztowy", "text", "postal-code", lambda: f"{digits(2)}-{digits(3)}"), ("numer_telefonu", "text", "phone", phone), ("stanowisko", "text", "none", pick("kierownik", "analityk"))],
    "devices": [("mac", "macaddr", "mac-address", lambda: ":".join(hexes(2) for _ in range(6))), ("hw_addr", "text", "mac-address", lambda: "-".join(hexes(2).upper() for _ in range(6))), ("firmware", "text", "none", lambda: f"{R.randint(1, 9)}.{R.randint(0, 20)}.{R.randint(0, 30)}.{R.randint(0, 9)}"),
                ("serial_no", "text", "none", lambda: digits(12)), ("client_ip", "text", "ip-address", ip4), ("gateway6", "text", "ip-address", lambda: "2001:db8::" + hexes(4)), ("model_name", "text", "none", PRODUCT), ("imei", "text", "none", lambda: "35" + digits(12)), ("subnet", "text", "none", pick("office", "lab", "guest")), ("host_name", "text", "none", lambda: f"srv-{hexes(4)}")],
    "products": [("name", "text", "none", PRODUCT), ("sku", "text", "none", lambda: f"{R.choice('ABC')}{digits(3)}-{digits(4)}"), ("ean", "text", "none", lambda: digits(13, "789")), ("price", "numeric", "none", lambda: f"{R.randint(1, 300)}.99"), ("weight", "float8", "none", lambda: f"{R.random() * 20:.3f}"), ("colour", "text", "none", pick("red", "blue", "green")), ("description", "text", "none", TEXT), ("released", "date", "none", lambda: day(2010, 2026)), ("supplier", "text", "none", COMPANY)],
    "companies": [("company_name", "text", "none", COMPANY), ("vat_number", "text", "none", lambda: "DE" + digits(9)), ("industry", "text", "none", pick("Retail", "Mining", "Software")), ("contact_name", "text", "name", full), ("contact", "text", "email", email), ("founded", "int4", "none", lambda: str(R.randint(1890, 2020))), ("website", "text", "none", lambda: f"https://{hexes(6)}.example.com"), ("fax", "text", "phone", phone), ("city", "text", "city", lambda: R.choice(CITIES)), ("hq_lat", "float8", "coordinates", lambda: f"{R.uniform(-60, 60):.5f}")],
    "patients": [("full_name", "text", "name", full), ("diagnosis", "text", "health", lambda: R.choice("EFGIJ") + f"{R.randint(0, 99):02d}.{R.randint(0, 9)}"), ("blood_type", "text", "health", pick("A+", "B-", "0+", "AB+")), ("nhs_number", "text", "national-id", lambda: nhs()), ("room", "int4", "none", lambda: str(R.randint(100, 420))), ("admitted_at", "timestamptz", "none", lambda: day(2024, 2026) + " 08:00:00+00"), ("passport_no", "text", "passport", lambda: R.choice("CFGHK") + digits(8)), ("emergency_contact", "text", "name", full)],
    "metrics": [("host", "text", "none", lambda: f"web{R.randint(1, 40)}"), ("value", "float8", "none", lambda: f"{R.random() * 1000:.4f}"), ("pid", "int4", "none", lambda: str(R.randint(1000, 64000))), ("bucket", "text", "none", lambda: hexes(8)), ("digest", "text", "none", lambda: hexes(64)), ("duration_ms", "int4", "none", lambda: str(R.randint(1, 100000))), ("level", "text", "none", pick("INFO", "WARN", "ERROR")), ("recorded", "timestamptz", "none", lambda: day(2026, 2026) + " 01:02:03+00")],
    "legacy": [("f1", "text", "email", email), ("f2", "text", "name", full), ("f3", "text", "iban", iban), ("f4", "text", "payment-card", card), ("f5", "text", "phone", lambda: "+33 " + spaced(digits(9, "6"), 2)), ("f6", "text", "address", street), ("f7", "text", "national-id", pesel), ("f8", "text", "none", lambda: digits(10)), ("f9", "text", "none", TEXT), ("f10", "text", "none", PRODUCT), ("f11", "text", "secret", lambda: "$argon2id$v=19$m=19456,t=2,p=1$" + hexes(22)), ("f12", "text", "ip-address", ip4), ("f13", "date", "birth-date", lambda: day(1935, 2004)), ("f14", "text", "none", COMPANY)],
    "articles": [("title", "text", "none", words("How", "To", "Build", "Better", "Things", "In", "Winter")), ("slug", "text", "none", lambda: f"how-to-{hexes(5)}"), ("author", "text", "name", full), ("views", "int8", "none", lambda: str(R.randint(1, 10 ** 7))), ("email_template", "text", "none", pick("welcome", "reset")), ("published", "date", "none", lambda: day(2000, 2026)), ("category_name", "text", "none", pick("News", "Sport", "Culture")), ("editor_notes", "text", "none", TEXT), ("rating", "numeric", "none", lambda: f"{R.randint(1, 5)}.{R.randint(0, 9)}")],
}


def nhs():
    while True:
        t = digits(9, "4679")
        c = 11 - sum(int(d) * w for d, w in zip(t, range(10, 1, -1))) % 11
        if c != 10:
            t += str(c % 11)
            return f"{t[:3]} {t[3:6]} {t[6:]}"


for table, columns in TABLES.items():
    for column, kind, label, make in columns:
        values = [make() if R.random() > 0.1 else None for _ in range(ROWS)]
        print(json.dumps({"table": table, "column": column, "type": kind, "label": label, "values": values}, ensure_ascii=False))

documents = [json.dumps({"contact": {"mail": email(), "tel": phone()}, "theme": R.choice(["dark", "light"]), "addr": {"street": street(), "zip": digits(5)},
                         "tags": ["a", "b"], "score": R.randint(1, 99), "device": {"ip": ip4(), "os": R.choice(["ios", "android"])}}, ensure_ascii=False) for _ in range(ROWS)]
print(json.dumps({"table": "profiles", "column": "data", "type": "jsonb", "values": documents, "labels": {
    "contact.mail": "email", "contact.tel": "phone", "theme": "none", "addr.street": "address", "addr.zip": "postal-code", "tags": "none", "score": "none",
    "device.ip": "ip-address", "device.os": "none"}}, ensure_ascii=False))
