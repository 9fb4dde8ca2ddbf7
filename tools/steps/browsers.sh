# Chromium and Firefox as the system has them: the tests and the headless demo run in both.

chromium() { on_path chromium chromium-browser google-chrome; }
firefox() { on_path firefox-esr firefox; }

browsers() {
  local missing=()
  chromium >/dev/null || missing+=(chromium)
  firefox >/dev/null || missing+=(firefox-esr)
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    die "needs Chromium and Firefox on the PATH; not found: ${missing[*]}." \
      "On Debian: sudo apt-get install --no-install-recommends ${missing[*]}"
  fi
  say "installing ${missing[*]}"
  apt-get update -qq >&2
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}
