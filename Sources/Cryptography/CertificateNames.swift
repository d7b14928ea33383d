internal import COpenSSL
internal import Glibc

/// Whom a certificate is for and who has signed it, as text.
enum CertificateNames {
  /// Host names and addresses among the subject alternative names; without any, the common name.
  static func all(of certificate: OpaquePointer) -> [String] {
    let names = alternatives(of: certificate)
    return names.isEmpty ? [commonName(of: certificate)].compactMap(\.self) : names
  }

  /// A distinguished name (RFC 4514), UTF-8 as it is.
  static func text(_ name: OpaquePointer?) -> String {
    guard let name, let bio = shim_BIO_new_mem() else { return "" }
    defer { BIO_free(bio) }
    guard X509_NAME_print_ex(bio, name, 0, shim_XN_FLAG_UTF8) >= 0 else { return "" }
    var bytes: UnsafeMutablePointer<CChar>?
    let count = shim_BIO_get_mem_data(bio, &bytes)
    guard let bytes, count > 0 else { return "" }
    return String(
      decoding: UnsafeRawBufferPointer(start: bytes, count: count).bindMemory(to: UInt8.self), as: UTF8.self)
  }

  private static func alternatives(of certificate: OpaquePointer) -> [String] {
    guard let found = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return [] }
    let list = OpaquePointer(found)
    defer { GENERAL_NAMES_free(list) }
    return (0..<OPENSSL_sk_num(list)).compactMap { index in
      OPENSSL_sk_value(list, index).flatMap { text(ofAlternative: $0.assumingMemoryBound(to: GENERAL_NAME.self)) }
    }
  }

  private static func text(ofAlternative name: UnsafePointer<GENERAL_NAME>) -> String? {
    var kind: Int32 = 0
    guard let value = GENERAL_NAME_get0_value(name, &kind), kind == GEN_DNS || kind == GEN_IPADD else { return nil }
    let bytes = octets(value.assumingMemoryBound(to: ASN1_STRING.self))
    return kind == GEN_DNS ? String(decoding: bytes, as: UTF8.self) : address(bytes)
  }

  private static func commonName(of certificate: OpaquePointer) -> String? {
    let subject = X509_get_subject_name(certificate)
    let index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
    guard index >= 0, let value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)) else { return nil }
    return String(decoding: octets(value), as: UTF8.self)
  }

  private static func octets(_ string: UnsafePointer<ASN1_STRING>) -> [UInt8] {
    guard let start = ASN1_STRING_get0_data(string) else { return [] }
    return Array(UnsafeBufferPointer(start: start, count: max(0, Int(ASN1_STRING_length(string)))))
  }

  private static func address(_ bytes: [UInt8]) -> String? {
    let family: Int32? = bytes.count == 4 ? AF_INET : bytes.count == 16 ? AF_INET6 : nil
    guard let family else { return nil }
    var text = [CChar](repeating: 0, count: 64)
    let written = bytes.withUnsafeBytes { inet_ntop(family, $0.baseAddress, &text, socklen_t(text.count)) }
    return written == nil ? nil : String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
