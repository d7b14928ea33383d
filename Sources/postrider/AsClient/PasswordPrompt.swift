internal import Glibc

/// A password from the terminal, which does not show it.
enum PasswordPrompt {
  /// - Returns: nil without a terminal, or when nothing was typed.
  static func read(_ question: String) -> String? {
    guard isatty(STDIN_FILENO) == 1 else { return nil }
    var before = termios()
    guard tcgetattr(STDIN_FILENO, &before) == 0 else { return nil }
    var silent = before
    silent.c_lflag &= ~tcflag_t(ECHO)
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
    defer {
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
      write("\n")
    }
    write(question)
    return readLine()
  }

  /// To where no report is.
  private static func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
  }
}
