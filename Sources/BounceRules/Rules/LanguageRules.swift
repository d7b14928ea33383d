/// Wordings in other languages than English. Accents are written without; case and charset do not matter.
let languageRules: [BounceRule] = [
  BounceRule(
    "lang.full", .mailboxFull,
    any: """
      postfach voll|postfach ist voll|postfach * voll|postfach * ueberfullt|postfach ist uberfullt|mailbox * voll|\
      speicherplatz * erschopft|speichervolumen * uberschritten|speichervolumen ueberschritten|\
      speicherkontingent * uberschritten|quota uberschritten|quota ueberschritten|zuviele mails auf dem server|\
      zu viele mails auf dem server|boite pleine|boite * pleine|boite aux lettres * pleine|messagerie pleine|\
      messagerie * pleine|quota depasse+|espace * depasse|buzon lleno|buzon esta lleno|buzon * lleno|\
      casilla llena|casilla * llena|cuota excedida|cuota * excedid+|excedido * cuota|excedio * cuota|\
      ha superado * cuota|sin espacio|espacio * agotado|caixa postal cheia|caixa cheia|caixa * cheia|\
      caixa de correio cheia|cota excedida|quota excedida|limite de armazenamento|espaco insuficiente|\
      casella piena|casella * piena|casella postale piena|quota superata|spazio * esaurito|mailbox piena|\
      postvak vol|postvak is vol|postvak * vol|mailbox is vol|postbus is vol|quotum overschreden|skrzynka pelna|\
      skrzynka * pelna|przekroczon+ * limit|przepelniona|skrzynka * przepelniona|postlada full|postkassen er full|\
      indbakke * fuld|schranka * plna|prekrocena kvota|почтовый ящик переполнен|ящик переполнен|ящик * переполнен|\
      превышена квота|квота превышена|превышен * квот+|квота исчерпана|posta kutusu dolu|kota asildi|邮箱已满|邮箱空间不足|\
      空间不足|邮箱容量|容量已满|已超出配额|超过限额|信箱已滿|信箱已满|郵箱已滿|容量不足|容量が|容量オーバー|容量を超|容量制限|いっぱいです|一杯です|満杯|保存容量|メールボックスがいっぱい|메일함이 가득|\
      메일함 용량|용량이 초과|용량 초과|용량을 초과|사서함이 꽉
      """,
    unless: "envoi quota",
    from: "web.de, T-Online, Orange, Terra, UOL, Libero, onet.pl, Mail.ru, NetEase, docomo, Naver", since: "2003",
    example: "550 Benutzer hat das Speichervolumen ueberschritten."),
  BounceRule(
    "lang.unknown", .userUnknown,
    any: """
      benutzer nicht bekannt|benutzer unbekannt|unbekannter benutzer|benutzer existiert nicht|\
      benutzer * nicht gefunden|empfanger unbekannt|empfaenger unbekannt|empfanger nicht gefunden|\
      empfaenger * unbekannt|empfanger * unbekannt|empfanger existiert nicht|unbekannter empfanger|\
      unbekannter empfaenger|adresse unbekannt|adresse existiert nicht|postfach existiert nicht|\
      postfach nicht gefunden|kein benutzer|teilnehmer unbekannt|utilisateur inconnu|destinataire inconnu|\
      destinataire * inconnu|adresse inconnue|adresse * inconnue|adresse * invalide|boite inconnue|\
      boite aux lettres inconnue|boite aux lettres * n existe pas|compte inconnu|compte inexistant|\
      compte * n existe pas|n existe pas|nexiste pas|utilisateur * introuvable|usuario desconocido|\
      usuario no existe|usuario inexistente|usuario * no existe|no existe el usuario|destinatario desconocido|\
      destinatario no existe|cuenta no existe|cuenta inexistente|buzon no existe|direccion no existe|\
      direccion * desconocida|la direccion * no existe|usuario nao encontrado|usuario nao existe|\
      usuario inexistente|usuario desconhecido|usuario * nao existe|destinatario inexistente|\
      destinatario desconhecido|destinatario nao encontrado|conta inexistente|conta nao existe|conta * nao existe|\
      caixa postal inexistente|endereco inexistente|utente sconosciuto|utente inesistente|utente non trovato|\
      utente * non esiste|destinatario sconosciuto|destinatario inesistente|indirizzo inesistente|\
      casella inesistente|casella * inesistente|account inesistente|gebruiker onbekend|onbekende gebruiker|\
      ontvanger onbekend|adres onbekend|gebruiker bestaat niet|adres bestaat niet|nie ma takiego|\
      nie ma takiego uzytkownika|nieznany uzytkownik|uzytkownik nie istnieje|adresat nieznany|konto nie istnieje|\
      skrzynka nie istnieje|adres nie istnieje|okand mottagare|okand anvandare|ukjent bruker|ukendt bruger|\
      tuntematon vastaanottaja|neznamy uzivatel|uzivatel neexistuje|ismeretlen felhasznalo|kullanici bulunamadi|\
      boyle bir kullanici yok|пользователь не найден|пользователь не существует|пользователь * не найден|\
      нет такого пользователя|такого пользователя|неизвестный пользователь|получатель не найден|\
      получатель неизвестен|адрес не существует|ящик не существует|почтовый ящик не найден|адресат не найден|\
      收件人不存在|用户不存在|用户未找到|邮箱不存在|账号不存在|帐号不存在|收件人地址不存在|地址不存在|查无此人|无此用户|沒有這個|不存在此用户|收信人不存在|使用者不存在|查無此|宛先不明|宛先が見つかり|\
      ユーザーが存在|ユーザが存在|ユーザーが見つかり|存在しません|存在しない|見つかりません|アドレスが間違|あて先|リストにありません|아이디가 존재하지|존재하지 않는|존재하지 않습니다|없는 사용자|\
      수신자를 찾을|사용자를 찾을
      """,
    unless: """
      expediteur|absender|remitente|remetente|mittente|отправител+|发件人|ドメイン|domaine|dominio|domain|домен|グループ|\
      группа|^groups.google.com
      """,
    from: "T-Online, GMX, web.de, Orange, SFR, Terra, UOL, Libero, WP.pl, Mail.ru, NetEase, docomo, Naver",
    since: "2000",
    example: "550 Benutzer nicht bekannt"),
  BounceRule(
    "lang.closed", .mailboxDisabled,
    any: """
      postfach gesperrt|postfach * gesperrt|konto gesperrt|konto * gesperrt|konto * deaktiviert|benutzer gesperrt|\
      benutzer inaktiv|compte desactive|compte * desactive|compte suspendu|compte bloque|boite desactivee|\
      boite bloquee|cuenta desactivada|cuenta suspendida|cuenta bloqueada|cuenta deshabilitada|cuenta * inactiva|\
      buzon deshabilitado|conta desativada|conta suspensa|conta bloqueada|conta inativa|caixa * bloqueada|\
      casella disabilitata|casella * disattivata|casella * bloccata|account disabilitato|utente disabilitato|\
      account sospeso|account geblokkeerd|account is geblokkeerd|konto zablokowane|skrzynka zablokowana|\
      konto * zablokowane|ящик заблокирован|аккаунт заблокирован|пользователь заблокирован|\
      учетная запись заблокирована|ящик отключен|账号被禁用|账户已停用|邮箱已停用|帐号被锁定|账号被锁定|帐户已停用|用户被锁定|用户被禁用|休眠|停止中|利用停止|휴면|\
      정지된|이용이 중지
      """,
    from: "GMX, Orange, Terra, UOL, Libero, Mail.ru, NetEase, Naver", since: "2003",
    example: "550 Konto gesperrt"),
  BounceRule(
    "lang.spam", .spam,
    any: """
      als spam|spam verdacht|spamverdacht|unerwunschte werbung|unerwunschte mail|comme spam|comme indesirable|\
      courrier indesirable|message indesirable|pourriel|correo no deseado|como spam|correo basura|\
      considerado spam|mensagem indesejada|como lixo|come spam|posta indesiderata|messaggio indesiderato|\
      ongewenste mail|ongewenste|niechciana|uznana za spam|uznano za spam|jako spam|подозрение на спам|\
      похоже на спам|как спам|спамом|спам|垃圾邮件|垃圾郵件|广告邮件|疑似垃圾|迷惑メール|スパム|스팸
      """,
    unless: "sperrliste", from: "T-Online, Orange, UOL, Libero, WP.pl, Mail.ru, NetEase, docomo, Naver", since: "2003",
    example: "554 Nachricht als Spam erkannt und abgelehnt"),
  BounceRule(
    "lang.list", .blocklist, .addressListed,
    any: """
      sperrliste|auf einer schwarzen liste|auf schwarzer liste|auf einer blackliste|ip adresse * gesperrt|\
      ip gesperrt|absender ip * gesperrt|liste noire|sur liste noire|adresse ip * bloquee|ip * bloquee|\
      lista negra|en lista negra|en una lista negra|ip bloqueada|ip * bloqueada|direccion ip * bloqueada|\
      ip * rechazada|em lista negra|lista nera|in lista nera|ip bloccato|indirizzo ip * bloccato|zwarte lijst|\
      op een zwarte lijst|czarna lista|na czarnej liscie|adres ip * zablokowany|черный список|черном списке|\
      в черном списке|ip * заблокирован+|黑名单|黑名單|被列入|ブラックリスト|블랙리스트|차단된 ip|ip가 차단
      """,
    from: "T-Online, Orange, Terra, UOL, Libero, WP.pl, Mail.ru, NetEase, Naver", since: "2003",
    example: """
      554 Ihre IP-Adresse 192.0.2.1 steht auf einer schwarzen Liste und ist auf der Sperrliste
      """),
  BounceRule(
    "lang.rate", .rateLimit, .volume,
    any: """
      zu viele verbindungen|zu viele nachrichten|zu viele mails|zu viele empfanger|trop de connexions|\
      trop de messages|trop de destinataires|trop d erreurs|demasiadas conexiones|demasiados mensajes|\
      demasiados destinatarios|muitas conexoes|muitas mensagens|muitos destinatarios|limite de envio|\
      troppe connessioni|troppi messaggi|troppi destinatari|te veel verbindingen|te veel berichten|\
      za duzo polaczen|zbyt wiele polaczen|zbyt wiele wiadomosci|слишком много соединений|слишком много писем|\
      слишком много сообщений|слишком много получателей|превышен лимит|发送频率|发送过快|超过频率|频率超过|连接数过多|连接过多|发信量|送信制限|\
      送信数|接続数|전송 제한|발송 제한
      """,
    from: "GMX, Orange, Terra, UOL, Libero, onet.pl, Mail.ru, NetEase", since: "2003",
    example: "421 Trop de messages envoyes, veuillez reessayer plus tard"),
  BounceRule(
    "lang.size", .size,
    any: """
      nachricht zu gross|nachricht ist zu gross|mail zu gross|groesse uberschritten|message trop volumineux|\
      message trop gros|taille * message|taille maximale|mensaje demasiado grande|tamano maximo|\
      tamano del mensaje|supera el tamano|mensagem muito grande|tamanho maximo|tamanho da mensagem|\
      messaggio troppo grande|dimensione massima|bericht te groot|bericht is te groot|wiadomosc * zbyt duza|\
      za duza wiadomosc|размер письма|размер сообщения|слишком большое|слишком большой|邮件过大|邮件太大|邮件大小|超过大小|メールサイズ|\
      サイズが大き|サイズ超過|サイズを超|메일 크기
      """,
    from: "GMX, Orange, Terra, UOL, Libero, Mail.ru, NetEase, docomo", since: "2003",
    example: "552 Nachricht zu gross"),
  BounceRule(
    "lang.dns", .dns, .domainUnknown,
    any: """
      domain existiert nicht|domain unbekannt|domain nicht gefunden|domaine inconnu|domaine inexistant|\
      domaine * n existe pas|dominio no existe|dominio desconocido|dominio inexistente|dominio * no existe|\
      dominio nao existe|dominio sconosciuto|dominio * non esiste|domein bestaat niet|domena nie istnieje|\
      домен не найден|домен не существует|域名不存在|找不到域名|域名解析|ドメインが|도메인을 찾을
      """,
    unless: "expediteur|absender|remitente|remetente|mittente|отправител+|发件人", from: "various", since: "2003",
    example: "550 Domain existiert nicht"),
  BounceRule(
    "lang.sender", .sender,
    any: """
      absender * abgelehnt|absender nicht|absenderadresse|absender unbekannt|expediteur refuse|\
      expediteur * refuse|expediteur invalide|expediteur inconnu|adresse expediteur|emetteur|remitente rechazado|\
      remitente * rechazado|remitente no|remitente invalido|remetente rejeitado|remetente * rejeitado|\
      remetente invalido|remetente nao|mittente rifiutato|mittente * rifiutato|mittente non|afzender geweigerd|\
      afzender * geweigerd|nadawca * odrzucony|adres nadawcy|отправитель отклонен|отправитель * отклонен|\
      адрес отправителя|发件人|送信元|送信者|발신자|발신인
      """,
    from: "T-Online, Orange, Terra, UOL, Libero, Mail.ru, NetEase", since: "2003",
    example: "550 Absender abgelehnt"),
  BounceRule(
    "lang.later", .system,
    any: """
      bitte spater|spater noch einmal|spater erneut|veuillez essayer plus tard|reessayer plus tard|\
      reessayez plus tard|service indisponible|temporairement indisponible|intente mas tarde|intentelo mas tarde|\
      temporalmente no disponible|servicio no disponible|tente novamente|tente mais tarde|\
      temporariamente indisponivel|servico indisponivel|riprova piu tardi|riprovare piu tardi|\
      temporaneamente non disponibile|servizio non disponibile|probeer het later|tijdelijk niet beschikbaar|\
      sprobuj pozniej|chwilowo niedostepn+|попробуйте позже|временно недоступ+|повторите попытку|稍后再试|稍后重试|系统繁忙|\
      服务器忙|服务不可用|しばらくして|後でもう一度|混雑|잠시 후|일시적
      """,
    from: "various", since: "2003",
    example: "451 Bitte versuchen Sie es bitte spater noch einmal"),
  BounceRule(
    "lang.policy", .policy, nil, .vague,
    any: """
      abgelehnt|verweigert|zugriff verweigert|refuse|rejete|rejetee|acces refuse|rechazado|acceso denegado|\
      denegado|rejeitado|acesso negado|recusado|rifiutato|accesso negato|respinto|geweigerd|odrzucona|odrzucono|\
      отклонено|отказано|доступ запрещен|拒绝|拒收|被拒|退信|拒否|거부|수신 거부
      """,
    from: "various", since: "2003",
    example: "550 Nachricht abgelehnt"),
]
