/// Why something secret could not be opened, read or made. Never holds anything secret itself.
package struct CryptographyFailure: Error, Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    /// The bytes are not what was sealed with this key and context: altered, cut off, or another's.
    case authentication
    /// Not in the form that it should have.
    case malformed
    /// It was wrapped by a master key that the file does not have (any more).
    case unknownKey
    /// A file is missing, unreadable, readable by others, or cannot be written.
    case file
    /// The library refuses.
    case library
  }

  package let kind: Kind
  /// A sentence without a full stop, for people.
  package let reason: String

  package init(_ kind: Kind, _ reason: String) {
    self.kind = kind
    self.reason = reason
  }
}

extension CryptographyFailure: CustomStringConvertible {
  package var description: String { reason }
}
