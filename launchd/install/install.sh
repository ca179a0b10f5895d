#!/bin/sh
# Installs Sotto for this user, without root: in Sotto's own folder and ~/.local/bin. It needs only curl, or a downloaded
# release, which includes Node.js. Run it again to upgrade or to repair; completed downloads are reused.
# `sotto uninstall` removes everything.
#
#   sh install.sh [FILE|ADDRESS]   a release (sotto-….tgz); default: next to this script, or the official address
#     --no-agent                   do not start Sotto at login
#     --help
#
# SOTTO_HOME: one folder for all of Sotto's files. SOTTO_BIN: folder for the command instead of ~/.local/bin.
set -eu

# Written by the release.
VERSION=
ADDRESS=
SHA256_darwin_arm64=
SHA256_darwin_arm64_macos26=
SHA256_linux_x64=

main() {
  release= agent=yes
  while [ $# -gt 0 ]; do
    case $1 in
      --no-agent) agent=no ;;
      --help | -h) sed -n '2,/^set /p' "$0" | sed -n 's/^# \{0,1\}//p'; exit 0 ;;
      -*) fail 2 "unknown option $1" "sh install.sh --help" ;;
      *) release=$1 ;;
    esac
    shift
  done
  umask 077
  find_system
  find_folders
  find_release
  find_command
  make_folders
  one_at_a_time
  get_release
  unpack
  write_command
  start
  check
  remove_old_versions
  print_next_steps
}

# --- system and folders ---------------------------------------------------------------------------------------------

find_system() {
  case "$(uname -s)-$(uname -m)" in
    Darwin-arm64) target=darwin-arm64 ;;
    Darwin-x86_64)
      # A shell under Rosetta reports x86_64 on Apple silicon too.
      [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || echo 0)" = 1 ] ||
        fail 3 "Sotto needs a Mac with Apple silicon"
      target=darwin-arm64
      ;;
    Linux-x86_64) target=linux-x64 ;;
    *) fail 3 "no release for $(uname -s) on $(uname -m)" "build it from the repository: npm run setup" ;;
  esac
  if [ "$target" = darwin-arm64 ] && command -v sw_vers >/dev/null; then
    macos=$(sw_vers -productVersion)
    [ "${macos%%.*}" -ge 14 ] || fail 3 "Sotto needs macOS 14 or later, but this is $macos"
  fi
  # MLX for macOS 26.2 and later uses the matrix units of newer chips.
  release_for=$target
  [ -z "$SHA256_darwin_arm64_macos26" ] || ! is_macos_26_2 "${macos:-}" || release_for=darwin-arm64-macos26
}

is_macos_26_2() {
  case $1 in
    '' | 1? | 1?.* | 2[0-5] | 2[0-5].*) return 1 ;;
    26 | 26.0* | 26.1 | 26.1.*) return 1 ;;
  esac
}

# The sum of a file of this script's own release.
known_sum() {
  case $1 in
    "sotto-$VERSION-darwin-arm64.tgz") echo "$SHA256_darwin_arm64" ;;
    "sotto-$VERSION-darwin-arm64-macos26.tgz") echo "$SHA256_darwin_arm64_macos26" ;;
    "sotto-$VERSION-linux-x64.tgz") echo "$SHA256_linux_x64" ;;
  esac
}

# Matches daemon/src/user-paths.ts.
find_folders() {
  case $target in
    darwin-*) home="$HOME/Library/Application Support/Sotto" ;;
    *) home="${XDG_DATA_HOME:-$HOME/.local/share}/sotto" ;;
  esac
  home=${SOTTO_HOME:-$home}
  case $home in /*) ;; *) fail 2 "SOTTO_HOME is not an absolute path: $home" ;; esac
  app=$home/app
  bin=${SOTTO_BIN:-$HOME/.local/bin}
  case $bin in /*) ;; *) fail 2 "SOTTO_BIN is not an absolute path: $bin" ;; esac
}

# Called after all checks, so that a failed check creates nothing.
make_folders() {
  mkdir -p "$app/versions" "$app/download" || fail 1 "$app is not writable" "check its permissions"
  (umask 022 && mkdir -p "$bin") || fail 1 "$bin is not writable" "choose another folder: SOTTO_BIN=… sh install.sh"
}

# mkdir succeeds in exactly one of several processes.
one_at_a_time() {
  lock=$app/installing
  if ! mkdir "$lock" 2>/dev/null; then
    kill -0 "$(cat "$lock/pid" 2>/dev/null || echo 0)" 2>/dev/null && [ -s "$lock/pid" ] &&
      fail 1 "another installation is in progress (process $(cat "$lock/pid"))"
    unlock # the lock of an interrupted installation
    mkdir "$lock" 2>/dev/null || fail 1 "$lock was not made by this installer" "move it away, then run this again"
  fi
  echo $$ >"$lock/pid"
  trap unlock EXIT
  trap 'exit 130' INT TERM HUP
}

# Removes the installer's file, and the folder if it is then empty.
unlock() {
  rm -f "$lock/pid"
  rmdir "$lock" 2>/dev/null || true
}

# --- the release ----------------------------------------------------------------------------------------------------

find_release() {
  here=$(cd "$(dirname "$0")" 2>/dev/null && pwd)
  for one in "$release_for" "$target"; do
    nearby=$here/sotto-$VERSION-$one.tgz
    [ -n "$release" ] || [ ! -f "$nearby" ] || release=$nearby
  done
  if [ -z "$release" ]; then
    [ -n "$VERSION" ] && [ -n "$ADDRESS" ] || fail 2 "no release given" "sh install.sh sotto-VERSION-$release_for.tgz"
    release=$ADDRESS/sotto-$VERSION-$release_for.tgz
  fi
  case $release in
    http://* | https://* | file://*) ;;
    *) [ -f "$release" ] || fail 2 "file not found: $release" ;;
  esac
}

get_release() {
  case $release in
    http://* | https://* | file://*) download "$release" ;;
    *) archive=$release ;;
  esac
  found=$(sha256_of "$archive")
  # The sums of this script's own release are checked however the file was obtained.
  sha256=$(known_sum "${archive##*/}")
  if [ -n "$sha256" ] && [ "$found" != "$sha256" ]; then
    case $archive in "$app"/*) rm -f "$archive" ;; esac
    fail 1 "$archive is damaged: its sha256 is $found, not $sha256" "download it again"
  fi
}

download() {
  archive=$app/download/${1##*/}
  sha256=$(known_sum "${1##*/}")
  [ -f "$archive" ] && [ -n "$sha256" ] && [ "$(sha256_of "$archive")" = "$sha256" ] && return
  command -v curl >/dev/null || fail 3 "curl is needed to download Sotto" "download $1 yourself, then: sh install.sh FILE"
  say "downloading $1"
  # Resumes an interrupted download; if the server does not support that (22, 33, 36), downloads the whole file.
  curl -fL --progress-bar --retry 3 -C - -o "$archive.part" "$1" || {
    case $? in 22 | 33 | 36) rm -f "$archive.part" ;; *) unreachable "$1" ;; esac
    curl -fL --progress-bar --retry 3 -o "$archive.part" "$1" || unreachable "$1"
  }
  mv "$archive.part" "$archive"
}

unreachable() { fail 1 "$1 can't be downloaded" "check the network and run this again: it resumes"; }

sha256_of() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

# Each release has its own folder: it appears complete, and processes of an older one are not disturbed.
unpack() {
  short=$(printf %.8s "$found")
  version=$(tar -xOzf "$archive" package/package.json 2>/dev/null | sed -n 's/^  "version": "\(.*\)",$/\1/p')
  [ -n "$version" ] || fail 1 "$archive is not a release of Sotto"
  tar -tzf "$archive" "package/native/lib/$target/sotto-mlx.node" "package/native/lib/$target/sotto-mic" >/dev/null 2>&1 ||
    fail 1 "$archive is not for this system ($target)"
  place=$app/versions/$version-$short
  rm -rf "$place.part" "$place.old"
  mkdir "$place.part"
  tar -xzf "$archive" -C "$place.part" --strip-components 1 || {
    rm -rf "$place.part"
    fail 1 "$archive can't be unpacked" "check that the disk isn't full"
  }
  # Browsers mark downloads as quarantined, and macOS loads no quarantined library. The sum is already checked.
  [ "$target" != darwin-arm64 ] || xattr -dr com.apple.quarantine "$place.part" 2>/dev/null || :
  # Replaces an existing copy, which may be damaged.
  [ ! -e "$place" ] || mv "$place" "$place.old"
  mv "$place.part" "$place"
  rm -rf "$place.old"
  say "Sotto $version installed in $place"
  # Replaces the link atomically, so that there is always a working version.
  node=$place/bin/node
  "$node" -e 0 || fail 3 "$node does not run on this system"
  "$node" -e 'const { renameSync, rmSync, symlinkSync } = require("fs"), [to, link] = process.argv.slice(1);
    rmSync(link + ".new", { force: true }); symlinkSync(to, link + ".new"); renameSync(link + ".new", link)' \
    "versions/${place##*/}" "$app/current"
  rm -rf "$app/download"
}

# --- the command ----------------------------------------------------------------------------------------------------

find_command() {
  command=$bin/sotto
  if [ -e "$command" ] && ! grep -q '^# Written by Sotto' "$command" 2>/dev/null; then
    fail 1 "$command exists and belongs to another installation" "remove it, or choose another folder: SOTTO_BIN=… sh install.sh"
  fi
}

write_command() {
  {
    echo '#!/bin/sh'
    echo '# Written by Sotto’s installer; `sotto uninstall` removes it.'
    [ -z "${SOTTO_HOME:-}" ] || echo "SOTTO_HOME=\${SOTTO_HOME:-$(quoted "$SOTTO_HOME")}; export SOTTO_HOME"
    echo "exec $(quoted "$app/current/bin/node") $(quoted "$app/current/daemon/bin/sotto.mjs") \"\$@\""
  } >"$command.new"
  chmod 755 "$command.new"
  mv "$command.new" "$command"
  printf '%s\n' "$command" >"$app/command"
  say "command: $command"
}

# Quotes a word for the shell only if needed.
as_word() { case $1 in *[!A-Za-z0-9_./~-]*) quoted "$1" ;; *) printf %s "$1" ;; esac; }

# Quotes a word for the shell.
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }

# --- start and check ------------------------------------------------------------------------------------------------

start() {
  if [ $agent = yes ]; then
    output=$("$command" agent install 2>&1) && { say "$output"; return; }
    say "Sotto won't start at login: ${output#sotto: }"
  fi
  # Stops a daemon of an older version.
  "$command" daemon stop >/dev/null 2>&1 || :
}

check() {
  speech=$app/current/assets/speech/jfk.flac
  if text=$("$command" transcribe "$speech" 2>"$app/errors"); then
    rm -f "$app/errors"
    say "Sotto works. Sample transcript: “$(printf %s "$text" | tr '\n' ' ' | cut -c 1-60 | sed 's/ *$//')…”"
  else
    cat "$app/errors" >&2
    rm -f "$app/errors"
    "$command" agent doctor >&2 || :
    fail 3 "Sotto is installed, but can't transcribe" "see above; check again with: $command doctor"
  fi
}

# Removes only folders with the installer's names: there may be other files.
remove_old_versions() {
  for other in "$app"/versions/*; do
    [ "$other" != "$place" ] || continue
    basename "$other" | LC_ALL=C grep -Eqx '[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*-[0-9a-f]{8}(\.part|\.old)?' || continue
    rm -rf "$other"
  done
}

print_next_steps() {
  called=sotto
  case ":$PATH:" in
    *":$bin:"*) ;;
    *)
      # Quoted, since the path may contain a space.
      called=$(as_word "$command")
      say "$bin is not in your PATH: add it, or call $called"
      ;;
  esac
  say "test this machine, in under 3 minutes: $called doctor --selftest"
  [ "$target" = darwin-arm64 ] || { say "try it: sotto dictate"; return; }
  cat <<NEXT

Now in Raycast:
  1. Install the Sotto extension from the Store. It finds this installation automatically. Or build it from here, with
     Node.js 22.22 or later; when Raycast shows it, press Ctrl-C, and the extension stays:
       cd "$app/current/extension" && npm ci && npm run dev
  2. Give Quick Dictate a hotkey: Raycast Settings › Extensions › Sotto.
  3. Press it and speak. macOS asks once whether Raycast may use the microphone: allow it.

In a terminal: sotto dictate. To uninstall: sotto uninstall
NEXT
}

say() { printf 'sotto: %s\n' "$*"; }

# CODE PROBLEM [WHAT TO DO]
fail() {
  printf 'sotto: %s%s\n' "$2" "${3:+ — $3}" >&2
  exit "$1"
}

# The shell reads the whole script before it runs main: a truncated script does nothing.
main "$@"
