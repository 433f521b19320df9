/// The schema in which what this module keeps in a database lives.
package enum Schema {
    package static let name = "dbpii"
}
