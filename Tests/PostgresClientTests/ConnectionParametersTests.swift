import Platform
import PostgresClient
import Testing

struct `Connection parameters` {
    @Test func `a URI keeps its settings when the database changes`() throws {
        let uri = "postgresql://ann:s3cret@db.example:6432/app?sslmode=verify-full&connect_timeout=7"
        let parameters = try ConnectionParameters(database: uri).with(database: "other=db")
        let programs = try parameters.forPrograms()
        #expect(
            programs.argument == """
                --dbname=connect_timeout='7' dbname='other=db' host='db.example' port='6432' sslmode='verify-full' user='ann'
                """)
    }

    @Test func `a password never stands in an argument but in the environment of the child`() throws {
        let parameters = try ConnectionParameters(database: "host=h password='s3 cret' dbname=d")
        let programs = try parameters.forPrograms()
        #expect(programs.argument == "--dbname=dbname='d' host='h'")
        #expect(programs.environment == ["PGPASSWORD": "s3 cret"])
    }

    @Test func `no description shows the password`() throws {
        let parameters = try ConnectionParameters(database: "postgres://u:s3cret@h/d")
        var dumped = ""
        dump(parameters, to: &dumped)
        for text in ["\(parameters)", String(reflecting: parameters), dumped] {
            #expect(!text.contains("s3cret"))
        }
    }

    @Test(arguments: [
        "host=h password=se cret", "postgresql://u:s3cret@[h/d", "postgresql://u:s3cret@h/d?nonsense=1",
        "password='s3cret",
    ])
    func `a malformed connection string is refused without showing it`(text: String) {
        let failure = #expect(throws: PlainFailure.self) { try ConnectionParameters(database: text) }
        #expect(failure?.status == .usage)
        #expect(failure.map { !$0.description.contains("cret") } == true)
    }

    @Test func `another secret than a password cannot be handed to programs`() throws {
        let parameters = try ConnectionParameters(database: "host=h sslpassword=s3cret")
        #expect(throws: PlainFailure.self) { try parameters.forPrograms() }
    }

    @Test func `quotes and backslashes in values survive the way to a program`() throws {
        let parameters = try ConnectionParameters(database: #"it's a \ name"#, host: "/tmp")
        #expect(try parameters.forPrograms().argument == #"--dbname=dbname='it\'s a \\ name' host='/tmp'"#)
    }

    @Test func `a conninfo string beats the other options, as in psql`() throws {
        let parameters = try ConnectionParameters(database: "host=inner", host: "outer", user: "u")
        #expect(parameters.host == "inner")
        #expect(parameters.user == "u")
    }
}
