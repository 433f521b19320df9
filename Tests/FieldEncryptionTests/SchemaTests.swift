import FieldEncryption
import Testing

@Suite struct SchemaTests {
    @Test func `the schema has the program's name`() {
        #expect(Schema.name.hasPrefix("db"))
    }
}
