# The Node environment node_modules, from package-lock.json.

node_environment() {
  local major
  major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null) || die "needs Node 20 or newer with npm: install both, then run this again"
  [ "$major" -ge 20 ] || die "needs Node 20 or newer, found $(node --version): install it, then run this again"
  # Without scripts: one of transformers.js' dependencies (unused in a browser) downloads a binary when it is installed.
  once node_modules/.package-lock.json package.json package-lock.json .npmrc -- npm ci --ignore-scripts --no-audit --no-fund
}
