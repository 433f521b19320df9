/// The version of the toolkit, which all its programs share.
package enum Release {
    package static let version = "0.1.0"
}
