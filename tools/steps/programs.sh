# Programs of the system, installed as root on Debian. Elsewhere the message says what is missing.

chromium() { on_path chromium chromium-browser google-chrome; }
firefox() { on_path firefox-esr firefox; }

# The tests and the headless demo run in Chromium and Firefox as the system has them.
missing_browsers() {
  chromium >/dev/null || echo chromium
  firefox >/dev/null || echo firefox-esr
}

# Ring hosting serves a published tree with nginx and loads it with wrk.
missing_for_hosting() {
  on_path nginx >/dev/null || echo nginx-light
  on_path wrk >/dev/null || echo wrk
}

# Ring webkit drives WebKitGTK on a virtual screen; its browser with a profile runs on the system's Python.
missing_for_webkit() {
  on_path WebKitWebDriver >/dev/null || echo webkit2gtk-driver
  on_path Xvfb >/dev/null || echo xvfb
  /usr/bin/python3 -c 'import gi; gi.require_version("WebKit2", "4.1")' 2>/dev/null || echo python3-gi gir1.2-webkit2-4.1
}

# Unquoted: a word is a package.
browsers() { install_packages $(missing_browsers); }
webkit_programs() { install_packages $(missing_for_webkit); }
programs() { install_packages $(missing_browsers) $(missing_for_hosting) $(missing_for_webkit); }

# install_packages [PACKAGE...]
install_packages() {
  [ $# -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    die "needs programs that are not on the PATH: $*. On Debian: sudo apt-get install --no-install-recommends $*"
  fi
  say "installing $*"
  apt-get update -qq >&2
  # nginx' package starts it as a service; the tests start their own.
  RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$@" >&2
}
