internal import CCrypt
internal import COpenSSL
internal import Glibc

/// Passwords as crypt(3) keeps them, method `$7$` (scrypt), so that other programs can verify them too.
///
/// A call takes tens of milliseconds and the memory below: never on an event loop, never without a bound on
/// how many run at once.
package enum PasswordHash {
  /// libxcrypt's count for `$7$`: N = 2^(cost+7), r = 32, p = 1, that is 2^(cost+19) bytes.
  /// 6 is the least that it makes: 32 MB, and 86 ms where this was written (7: 64 MB, 170 ms). A guess costs
  /// the thief of a table that much, and eight logins at once cost a node 256 MB and no more.
  package static let defaultCost = 6

  /// libxcrypt refuses longer ones (`CRYPT_MAX_PASSPHRASE_SIZE`).
  package static let passwordSizeMax = 511

  /// Hashes a new password under a random salt.
  /// - Throws: `.malformed` for a password that is empty, too long or holds a NUL, which crypt would end at.
  package static func make(_ password: [UInt8], cost: Int = defaultCost) throws(CryptographyFailure) -> String {
    guard !password.isEmpty, password.count <= passwordSizeMax, !password.contains(0) else {
      throw CryptographyFailure(.malformed, "a password has 1 to \(passwordSizeMax) bytes and no NUL")
    }
    let random = Random.bytes(16).map { CChar(bitPattern: $0) }
    guard let setting = crypt_gensalt_ra("$7$", UInt(max(0, cost)), random, Int32(random.count)) else {
      throw CryptographyFailure(.library, "crypt(3) cannot make a $7$ salt of cost \(cost)")
    }
    defer { free(setting) }
    guard let hash = crypt(password, String(cString: setting)) else {
      throw CryptographyFailure(.library, "crypt(3) cannot hash with $7$")
    }
    return hash
  }

  /// - Parameter hash: what `make` returned, here or in another program.
  /// - Returns: false too for what is no `$7$` hash, and for passwords that `make` refuses (at the same cost).
  package static func verify(_ password: [UInt8], against hash: String) -> Bool {
    let isPossible = !password.isEmpty && password.count <= passwordSizeMax && !password.contains(0)
    let isOurs = hash.hasPrefix("$7$")
    let found = crypt(isPossible ? password : [0x78], isOurs ? hash : decoy)
    guard isPossible, isOurs, let found else { return false }
    return equalInConstantTime(Array(found.utf8), Array(hash.utf8))
  }

  /// The hash of a password that nobody knows, with the default cost: an account that does not exist is
  /// verified against it, so that the time of the answer does not tell.
  package static let decoy: String = {
    do throws(CryptographyFailure) {
      return try make(Random.bytes(32).map { $0 | 1 })
    } catch {
      preconditionFailure("\(error)")
    }
  }()

  private static func crypt(_ password: [UInt8], _ setting: String) -> String? {
    var phrase = password.map { CChar(bitPattern: $0) } + [0]
    // `crypt_data`: cleared, so that the password is not left behind in freed memory.
    var data: UnsafeMutableRawPointer?
    var size: Int32 = 0
    defer {
      OPENSSL_cleanse(&phrase, phrase.count)
      if let data {
        OPENSSL_cleanse(data, Int(size))
        free(data)
      }
    }
    guard let result = crypt_ra(phrase, setting, &data, &size) else { return nil }
    let text = String(cString: result)
    // «*0» and «*1» are crypt's failure tokens.
    return text.hasPrefix("$7$") ? text : nil
  }
}
