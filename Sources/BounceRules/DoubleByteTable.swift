/// Charsets with two bytes a character, as far as the rules' wordings need them: those characters only. What else such a
/// text holds becomes a blank. The codes are those of GB 18030, Big5, KS X 1001 and JIS X 0208.
struct DoubleByteTable: Sendable {
  /// The first bytes of a pair.
  private let leads: [ClosedRange<UInt8>]
  /// The smallest second byte.
  private let secondMin: UInt8
  /// By the pair as a number.
  private let scalars: [UInt16: UInt32]

  private init(leads: [ClosedRange<UInt8>], secondMin: UInt8, characters: String, codes: String) {
    self.leads = leads
    self.secondMin = secondMin
    var scalars: [UInt16: UInt32] = [:]
    var digits = codes.utf8.makeIterator()
    for scalar in characters.unicodeScalars {
      var code: UInt16 = 0
      for _ in 0..<4 { code = code << 4 | UInt16(Self.value(digits.next() ?? 0x30)) }
      scalars[code] = scalar.value
    }
    self.scalars = scalars
  }

  private static func value(_ digit: UInt8) -> UInt8 { digit < 0x3A ? digit - 0x30 : digit - 0x37 }

  /// - Returns: the text, and how many characters of it are known. Unknown ones become blanks.
  func decode(_ bytes: [UInt8]) -> (scalars: [UInt32], known: Int) {
    var text: [UInt32] = []
    var (known, index) = (0, 0)
    while index < bytes.count {
      let byte = bytes[index]
      if byte < 0x80 {
        text.append(UInt32(byte))
        index += 1
      } else if leads.contains(where: { $0.contains(byte) }), index + 1 < bytes.count, bytes[index + 1] >= secondMin {
        let scalar = scalars[UInt16(byte) << 8 | UInt16(bytes[index + 1])]
        if scalar != nil { known += 1 }
        text.append(scalar ?? 0x20)
        index += 2
      } else {
        // Half-width katakana and what is broken.
        text.append(0x20)
        known -= 1
        index += 1
      }
    }
    return (text, known)
  }

  static let all = [shiftJIS, eucJP, gbk, eucKR, big5]

  static let shiftJIS = DoubleByteTable(
    leads: [0x81...0x9F, 0xE0...0xEF], secondMin: 0x40,
    characters: """
      、。あいうかがきくしすせっつてでなにばぱまもらりをんアイオクグサザスズットドバパブプボムメユラリルレ\
      ンー一不中人件休似使保信個停元先入再出列利到制可号名后否告單器在地址域多大太存定宛容小已广度後忙快惑\
      找拒接收数无明有服未杯析止此沒混満滿無率用疑眠禁稍空箱系続繁者被見解超足迷退送這過違郵配重量間限雑（\
      ），：
      """,
    codes: """
      8141814282A082A282A482A982AA82AB82AD82B582B782B982C182C282C482C582C882C982CE82CF82DC82E082E782E882F082F1834183\
      438349834E834F8354835583588359836283678368836F837083758376837B8380838183868389838A838B838C8393815B88EA95739286\
      906C8C8F8B788E978E6795DB904D8CC292E28CB390E693FC8DC48F6F97F19798939E90A789C28D8696BC8D4094DB8D909A648AED8DDD92\
      6E9AAC88E691BD91E591BE91B692E888B697658FAC9BDF9BF693788CE3965A89F598669D518B9190DA9DBE90949DD996BE974C959E96A2\
      947490CD8E7E8D9F9F938DAC969E9FDE96B397A697708B5E96B08BD6E2638BF394A08C6E91B194C98ED294ED8CA989F092B491AB96C091\
      DE9197948789DF88E19758947A8F6497CA8AD48CC08E478169816A81438146
      """)
  static let eucJP = DoubleByteTable(
    leads: [0xA1...0xFE], secondMin: 0xA1,
    characters: """
      、。あいうかがきくしすせっつてでなにばぱまもらりをんアイオクグサザスズットドバパブプボムメユラリルレ\
      ンー一不中人件休似使保信個停元先入再出列利到制可号名后否告單器在地址域多大太存定宛容小已广度後忙快惑\
      找拒接收数无明有服未杯析止此沒混満滿無率用疑眠禁稍空箱系続繁者被見解超足迷退送這過違郵配重量間限雑（\
      ），：
      """,
    codes: """
      A1A2A1A3A4A2A4A4A4A6A4ABA4ACA4ADA4AFA4B7A4B9A4BBA4C3A4C4A4C6A4C7A4CAA4CBA4D0A4D1A4DEA4E2A4E9A4EAA4F2A4F3A5A2A5\
      A4A5AAA5AFA5B0A5B5A5B6A5B9A5BAA5C3A5C8A5C9A5D0A5D1A5D6A5D7A5DCA5E0A5E1A5E6A5E9A5EAA5EBA5ECA5F3A1BCB0ECC9D4C3E6\
      BFCDB7EFB5D9BBF7BBC8CADDBFAEB8C4C4E4B8B5C0E8C6FEBAC6BDD0CEF3CDF8C5FEC0A9B2C4B9E6CCBEB9A1C8DDB9F0D3C5B4EFBADFC3\
      CFD4AEB0E8C2BFC2E7C2C0C2B8C4EAB0B8CDC6BEAED6E1D6F8C5D9B8E5CBBBB2F7CFC7D9B2B5F1C0DCDAC0BFF4DADBCCC0CDADC9FECCA4\
      C7D5C0CFBBDFBAA1DDF3BAAECBFEDEE0CCB5CEA8CDD1B5BFCCB2B6D8E3C4B6F5C8A2B7CFC2B3C8CBBCD4C8EFB8ABB2F2C4B6C2ADCCC2C2\
      E0C1F7C7E7B2E1B0E3CDB9C7DBBDC5CECCB4D6B8C2BBA8A1CAA1CBA1A4A1A7
      """)
  static let gbk = DoubleByteTable(
    leads: [0x81...0xFE], secondMin: 0x40,
    characters: """
      、。あいうかがきくしすせっつてでなにばぱまもらりをんアイオクグサザスズットドバパブプボムメユラリルレ\
      ンー一不中人件休似使保信個停元先入再出列利到制务单发可号名后否告單器在地圾址垃域多大太存定宛容小已帐\
      广度後忙快惑户找拒接收数无明有服未杯析查止此沒混満满滿無率用疑眠禁稍空箱系続繁绝统者被見解试账超足过\
      连迷退送這過違邮郵配重量锁間间限雑频额黑（），：
      """,
    codes: """
      A1A2A1A3A4A2A4A4A4A6A4ABA4ACA4ADA4AFA4B7A4B9A4BBA4C3A4C4A4C6A4C7A4CAA4CBA4D0A4D1A4DEA4E2A4E9A4EAA4F2A4F3A5A2A5\
      A4A5AAA5AFA5B0A5B5A5B6A5B9A5BAA5C3A5C8A5C9A5D0A5D1A5D6A5D7A5DCA5E0A5E1A5E6A5E9A5EAA5EBA5ECA5F3A960D2BBB2BBD6D0\
      C8CBBCFED0DDCBC6CAB9B1A3D0C58280CDA3D4AACFC8C8EBD4D9B3F6C1D0C0FBB5BDD6C6CEF1B5A5B7A2BFC9BAC5C3FBBAF3B7F1B8E686\
      CEC6F7D4DAB5D8BBF8D6B7C0ACD3F2B6E0B4F3CCABB4E6B6A8CDF0C8DDD0A1D2D1D5CAB9E3B6C8E1E1C3A6BFECBBF3BBA7D5D2BEDCBDD3\
      CAD5CAFDCEDEC3F7D3D0B7FECEB4B1ADCEF6B2E9D6B9B4CB9B5DBBEC9CBAC2FA9D4D9F6FC2CAD3C3D2C9C3DFBDFBC9D4BFD5CFE4CFB5BE\
      41B7B1BEF8CDB3D5DFB1BBD28ABDE2CAD4D5CBB3ACD7E3B9FDC1ACC3D4CDCBCBCDDF40DF5EDF60D3CAE05DC5E4D6D8C1BFCBF8E967BCE4\
      CFDEEB6AC6B5B6EEBADAA3A8A3A9A3ACA3BA
      """)
  static let eucKR = DoubleByteTable(
    leads: [0xA1...0xFE], secondMin: 0xA1,
    characters: """
      、。あいうかがきくしすせっつてでなにばぱまもらりをんアイオクグサザスズットドバパブプボムメユラリルレ\
      ン一不中人件休似使保信個停元先入再出列利到制可名后否告單器在地址域多大太存定宛容小已度後忙快惑拒接收\
      无明有服未杯析止此沒混滿無率用疑眠禁稍空箱系繁者被見解超足迷退送這過違郵配重量間限黑가거과기꽉는니다\
      단도된득디랙량를리메면발부블사서송수스습시신아않없용을이인일자잠재적전정제존중지차찾초크트팸하한함후\
      휴（），：
      """,
    codes: """
      A1A2A1A3AAA2AAA4AAA6AAABAAACAAADAAAFAAB7AAB9AABBAAC3AAC4AAC6AAC7AACAAACBAAD0AAD1AADEAAE2AAE9AAEAAAF2AAF3ABA2AB\
      A4ABAAABAFABB0ABB5ABB6ABB9ABBAABC3ABC8ABC9ABD0ABD1ABD6ABD7ABDCABE0ABE1ABE6ABE9ABEAABEBABECABF3ECE9DCF4F1E9ECD1\
      CBECFDCCDEC4DEC5DCC1E3E1CBC1EFCEEAAAE0BBECFDEEA2F5F3D6AAD7D7D3F0F0A4CAA6D9A3FDA8DCFACDB1D3A4D0EFEEA4F2A2F2A3E6\
      B4D2FDD3DEF7BCF0EDEFD2E8C8E9BBE1B3ECABD3F8FDADD8CFF6E1FBE3CBDEEFC8E2A5D9E9D9A5EAF3DCD7DAB1DBCAE0B0F2ADF3AED9D2\
      FBE8D8BBD9EDE1E3E9C4EBF7D8F9D0D7F5AACDF6DFD5CDA7DBE5EDBAF9ACCCB8FAB0F5B1F0EBDABBF7DCE1EAEECFCEA6EADEE9E8DBD5F1\
      ECD5E1CAE0F9DAFDD9B0A1B0C5B0FAB1E2B2CBB4C2B4CFB4D9B4DCB5B5B5C8B5E6B5F0B7A2B7AEB8A6B8AEB8DEB8E9B9DFBACEBAEDBBE7\
      BCADBCDBBCF6BDBABDC0BDC3BDC5BEC6BECABEF8BFEBC0BBC0CCC0CEC0CFC0DAC0E1C0E7C0FBC0FCC1A4C1A6C1B8C1DFC1F6C2F7C3A3C3\
      CAC5A9C6AEC6D4C7CFC7D1C7D4C8C4C8DEA3A8A3A9A3ACA3BA
      """)
  static let big5 = DoubleByteTable(
    leads: [0xA1...0xF9], secondMin: 0x40,
    characters: """
      、。あいうかがきくしすせっつてでなにばぱまもらりをんアイオクグサザスズットドバパブプボムメユラリルレ\
      ン一不中人件休似使保信個停元先入再出列利到制可名后否告單器在地圾址垃域多大太存定宛容小已度後忙快惑找\
      拒接收明有服未杯析查止此沒混滿無率用疑眠禁稍空箱系繁者被見解超足迷退送這過違郵配重量間限黑（），：
      """,
    codes: """
      A142A143C6A6C6A8C6AAC6AFC6B0C6B1C6B3C6BBC6BDC6BFC6C7C6C8C6CAC6CBC6CEC6CFC6D4C6D5C6E2C6E6C6EDC6EEC6F6C6F7C6F9C6\
      FBC742C747C748C74DC74EC751C752C75BC760C761C768C769C76EC76FC774C778C779C77EC7A3C7A4C7A5C7A6C7ADA440A4A3A4A4A448\
      A5F3A5F0A6FCA8CFAB4FAB48ADD3B0B1A4B8A5FDA44AA641A558A643A751A8ECA8EEA569A657A65AA75FA769B3E6BEB9A662A661A7A3A7\
      7DA955B0ECA668A46AA4D3A673A977A97BAE65A470A477ABD7ABE1A6A3A7D6B462A7E4A9DAB1B5A6ACA9FAA6B3AA41A5BCAA4DAA52AC64\
      A4EEA6B9A853B256BAA1B54CB276A5CEBAC3AF76B854B579AAC5BD63A874C163AACCB351A8A3B8D1B657A8ACB067B068B065B36FB94CB9\
      48B66CB074ADABB671B6A1ADADB6C2A15DA15EA141A147
      """)
}
