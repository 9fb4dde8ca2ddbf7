# Words for the other steps. Sourced by build.sh, which sets the shell's options and the working directory.

# Nothing that pip, npm or a browser asks may stop a run.
export DEBIAN_FRONTEND=noninteractive PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1

say() { echo "build.sh: $*" >&2; }

die() {
  say "$*"
  exit 1
}

# on_path NAME...: prints the first of these programs that is on the PATH. (`command -v` would find functions, too.)
on_path() {
  local name
  for name in "$@"; do
    type -P "$name" && return 0
  done
  return 1
}

# fingerprint PATH...: one hash over the names and bytes of these files and folders.
fingerprint() {
  find "$@" -type f ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

# once OUTPUT INPUT... -- COMMAND...: runs COMMAND, which makes OUTPUT, unless OUTPUT is there and was made from the same
# inputs by the same command. The stamp is written last, so a step that broke off runs again.
once() {
  local output=$1 inputs=() stamp now
  shift
  while [ "$1" != -- ]; do
    inputs+=("$1")
    shift
  done
  shift
  stamp=.cache/stamps/${output//\//_}
  now="$(fingerprint "${inputs[@]}") $*"
  if [ -e "$output" ] && [ -f "$stamp" ] && [ "$(<"$stamp")" = "$now" ]; then
    return 0
  fi
  rm -f "$stamp"
  say "making $output"
  "$@" >&2
  [ -e "$output" ] || die "'$*' ended without an error, but $output is not there"
  mkdir -p .cache/stamps
  echo "$now" >"$stamp"
}

# alone COMMAND...: two runs in one checkout must not write the same files at the same time. (macOS has no flock.)
alone() {
  mkdir -p build
  if command -v flock >/dev/null; then
    exec 9>build/lock
    flock --nonblock 9 || { say "waiting for another build.sh in this folder" && flock 9; }
    "$@" 9>&-
    exec 9>&-
  else
    "$@"
  fi
}

# at_once STEP...: runs steps that do not need one another side by side, and ends when all have. One that fails ends the run.
at_once() {
  local step pid failed=() pids=() steps=("$@")
  # A process group each: interrupted, the run ends what the steps have started.
  set -m
  for step in "${steps[@]}"; do
    "$step" </dev/null &
    pids+=("$!")
  done
  set +m
  trap "kill --$(printf ' -%s' "${pids[@]}") 2>/dev/null || true" EXIT
  for pid in "${pids[@]}"; do
    wait "$pid" || failed+=("${steps[0]}")
    steps=("${steps[@]:1}")
  done
  trap - EXIT
  [ ${#failed[@]} = 0 ] || die "failed: ${failed[*]}"
}
