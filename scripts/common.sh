# Shared by the scripts; sourced, not run. It leaves the shell in the checkout.
set -eu
cd "$(dirname "$0")/.."

say() { printf '== %s\n' "$*"; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

need_swift() {
  if ! command -v swift >/dev/null 2>&1; then
    swift_advice "Swift is not installed, or not in PATH."
  fi
  found=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | head -n 1)
  # shellcheck disable=SC2086
  set -- ${found:-0 0}
  if [ "$1" -lt 6 ] || { [ "$1" -eq 6 ] && [ "$2" -lt 3 ]; }; then
    swift_advice "Swift $1.$2 is too old."
  fi
}

swift_advice() {
  cat >&2 <<END
error: $1 Postrider needs Swift 6.3 or newer. To get it on Debian 12:

  curl -O https://download.swift.org/swiftly/linux/swiftly-\$(uname -m).tar.gz
  tar zxf swiftly-\$(uname -m).tar.gz && ./swiftly init --quiet-shell-followup
  . "\${SWIFTLY_HOME_DIR:-\$HOME/.local/share/swiftly}/env.sh"

or see https://www.swift.org/install/linux/. Then run this again.
END
  exit 1
}
