extension NameDictionary {
    /// What the words of column names mean; `_` stands where a name may have a separator or none.
    static let vocabulary: [(kind: PersonalKind, strength: Strength, phrases: String)] = [
        (
            .email, .strong,
            """
            email e_mail mail email_address mail_address emailaddress emails mailadresse e_mail_adresse courriel adresse_mail
            adresse_email correo correo_electronico indirizzo_email posta_elettronica endereco_email e_mailadres
            mailadres adres_email poczta_elektroniczna
            """
        ),
        (
            .phone, .strong,
            """
            phone telephone mobile cell cellphone phone_number phone_no tel tel_no fax msisdn telefon telefonnummer
            handy handynummer mobilnummer rufnummer mobiltelefon telephone_portable portable numero_telephone num_tel
            telefono movil celular numero_telefono telefonino cellulare numero_di_telefono telefone telemovel
            telefoonnummer telefoon mobiel gsm numer_telefonu komorka whatsapp
            """
        ),
        (
            .name, .strong,
            """
            first_name last_name full_name given_name family_name middle_name surname forename firstname lastname fname
            lname maiden_name birth_name nickname contact_name customer_name employee_name patient_name person_name
            user_name_full cardholder cardholder_name account_holder recipient_name holder_name beneficiary
            emergency_contact next_of_kin vorname nachname familienname geburtsname vollname ansprechpartner
            kontoinhaber prenom nom_de_famille nom_famille nom_complet nom_naissance titulaire apellido apellidos
            primer_apellido segundo_apellido nombre_completo nombre_de_pila cognome nome_completo intestatario
            sobrenome apelido nome_proprio nome_da_mae nome_mae voornaam achternaam familienaam volledige_naam imie
            nazwisko imie_nazwisko imie_i_nazwisko nazwisko_panienskie
            """
        ),
        (.name, .weak, "name names username user_name login nom nome nombre naam nazwa person author signed_by"),
        (
            .birthDate, .strong,
            """
            date_of_birth birth_date birthdate dob birthday born birth_day date_birth born_on geburtsdatum
            geburtstag geb_datum gebdatum date_naissance date_de_naissance naissance fecha_nacimiento
            fecha_de_nacimiento nacimiento data_di_nascita data_nascita nascita data_de_nascimento data_nascimento
            nascimento geboortedatum geboorte data_urodzenia urodziny year_of_birth birth_year
            """
        ),
        (
            .address, .strong,
            """
            street street_address address address_line address_1 addr addr_line line_1 home_address postal_address
            billing_address shipping_address delivery_address mailing_address residence house_number strasse str
            hausnummer anschrift adresse wohnort_strasse rue adresse_postale voie numero_rue direccion calle
            domicilio indirizzo via_residenza endereco rua morada logradouro straat straatnaam huisnummer adres
            ulica nr_domu adres_zamieszkania
            """
        ),
        (
            .postalCode, .strong,
            """
            postal_code postcode post_code zip zip_code zipcode plz postleitzahl code_postal cp codigo_postal
            cod_postal cap codice_postale cep kod_pocztowy postnummer
            """
        ),
        (
            .city, .strong,
            """
            city town hometown birthplace place_of_birth ort wohnort stadt geburtsort ville commune lieu_naissance
            ciudad localidad municipio lugar_nacimiento citta comune luogo_nascita cidade localidade
            naturalidade plaats woonplaats stad gemeente geboorteplaats miasto miejscowosc miejsce_urodzenia
            """
        ),
        (
            .nationalID, .strong,
            """
            ssn social_security social_security_number social_security_no national_id national_insurance
            national_insurance_number nino tax_id tax_number taxpayer_id tin itin personal_id identity_number
            id_number id_card citizen_id personal_code sozialversicherungsnummer svnr sv_nummer steuer_id
            steueridentifikationsnummer steuernummer personalausweis ausweisnummer ahv ahv_nummer numero_securite_sociale
            num_secu secu nir insee numero_fiscal dni nie nif documento_identidad numero_identidad cedula curp
            seguridad_social codice_fiscale cod_fiscale tessera_sanitaria cpf contribuinte numero_contribuinte
            cartao_cidadao bsn burgerservicenummer sofinummer rijksregisternummer pesel nip dowod_osobisty
            numer_dowodu personnummer cpr cpr_number hetu aadhaar aadhar sin_number nhs_number
            """
        ),
        (
            .passport, .strong,
            """
            passport passport_number passport_no reisepass reisepassnummer passnummer passeport numero_passeport
            pasaporte passaporto passaporte paspoort paspoortnummer paszport numer_paszportu
            """
        ),
        (
            .drivingLicence, .strong,
            """
            driving_licence driving_license drivers_license driver_license driver_licence drivers_licence licence_no
            dl_number fuhrerschein fuehrerschein fuhrerscheinnummer permis_conduire permis_de_conduire
            carnet_conducir licencia_conducir patente_guida patente carta_conducao rijbewijs rijbewijsnummer prawo_jazdy
            license_plate number_plate kennzeichen immatriculation matricula targa kenteken numer_rejestracyjny
            """
        ),
        (
            .paymentCard, .strong,
            """
            card_number credit_card creditcard cc_number ccnum card_no pan debit_card kreditkarte kartennummer
            kreditkartennummer carte_bancaire numero_carte carte_bleue tarjeta numero_tarjeta tarjeta_credito
            carta_credito numero_carta carta_di_credito cartao cartao_credito numero_cartao creditkaart kaartnummer
            karta_kredytowa numer_karty card_cvv cvv cvc
            """
        ),
        (
            .iban, .strong,
            """
            iban bank_account bank_account_number account_number acct_no bankverbindung kontonummer compte_bancaire
            rib numero_compte cuenta_bancaria numero_cuenta conto_corrente conto_bancario conta_bancaria numero_conta
            nib bankrekening rekeningnummer konto_bankowe numer_konta nr_konta
            """
        ),
        (
            .ipAddress, .strong,
            """
            ip ip_address ipaddr client_ip remote_ip remote_addr ip_addr source_ip last_ip login_ip signup_ip
            ip_adresse adresse_ip direccion_ip indirizzo_ip endereco_ip ip_adres adres_ip
            """
        ),
        (.macAddress, .strong, "mac mac_address mac_addr device_mac mac_adresse adresse_mac direccion_mac adres_mac"),
        (
            .gender, .strong,
            "gender sex geschlecht sexe genre_personne sexo genero sesso geslacht plec pronouns anrede salutation"
        ),
        (
            .coordinates, .strong,
            """
            latitude longitude lat lon lng geo_lat geo_lon geo_lng gps coordinates breitengrad laengengrad langengrad
            latitud longitud latitudine longitudine breedtegraad lengtegraad szerokosc_geograficzna
            dlugosc_geograficzna home_location last_location
            """
        ),
        (
            .health, .strong,
            """
            diagnosis diagnoses icd icd_code blood_type blood_group allergies allergy medication prescription disability
            medical_record medical_history treatment diagnose blutgruppe krankheit krankenkasse allergien diagnostic
            groupe_sanguin diagnostico grupo_sanguineo alergias diagnosi gruppo_sanguigno allergie bloedgroep
            rozpoznanie grupa_krwi mrn
            """
        ),
        (
            .secret, .strong,
            """
            password passwd pwd password_hash passphrase secret api_key apikey access_token refresh_token auth_token
            session_token private_key client_secret otp_secret totp_secret pin pin_code security_answer
            recovery_code passwort kennwort passwort_hash mot_de_passe motdepasse contrasena clave_acceso
            parola_chiave senha wachtwoord haslo
            """
        ),
    ]
}
