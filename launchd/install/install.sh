#!/bin/sh
# Installs Sotto for this user: into Sotto's own folder and ~/.local/bin, without root. It needs nothing but curl or a release
# that is here already: Node.js comes with it. Run it again to upgrade or to repair;
# what was downloaded already is not downloaded again. `sotto uninstall` takes all of it away.
#
#   sh install.sh [FILE|ADDRESS]   a release (sotto-….tgz); without one: beside this script, or where it was released
#     --no-agent                   do not start Sotto at login
#     --help
#
# SOTTO_HOME puts everything that Sotto keeps into one folder, SOTTO_BIN the command into another than ~/.local/bin.
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
  try_it
  forget_others
  tell_what_next
}

# --- where we are ---------------------------------------------------------------------------------------------------

find_system() {
  case "$(uname -s)-$(uname -m)" in
    Darwin-arm64) target=darwin-arm64 ;;
    Darwin-x86_64)
      # A shell under Rosetta says so on Apple silicon too.
      [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || echo 0)" = 1 ] ||
        fail 3 "Sotto needs a Mac with Apple silicon"
      target=darwin-arm64
      ;;
    Linux-x86_64) target=linux-x64 ;;
    *) fail 3 "there is no release for $(uname -s) on $(uname -m)" "build it from the repository: npm run setup" ;;
  esac
  if [ "$target" = darwin-arm64 ] && command -v sw_vers >/dev/null; then
    macos=$(sw_vers -productVersion)
    [ "${macos%%.*}" -ge 14 ] || fail 3 "Sotto needs macOS 14 or later, and this is $macos"
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

# Of the releases that this script was made for, by the name of the file.
known_sum() {
  case $1 in
    "sotto-$VERSION-darwin-arm64.tgz") echo "$SHA256_darwin_arm64" ;;
    "sotto-$VERSION-darwin-arm64-macos26.tgz") echo "$SHA256_darwin_arm64_macos26" ;;
    "sotto-$VERSION-linux-x64.tgz") echo "$SHA256_linux_x64" ;;
  esac
}

# The same folders as in daemon/src/user-paths.ts.
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

# Once nothing is missing: whoever is turned away finds nothing new.
make_folders() {
  mkdir -p "$app/versions" "$app/download" || fail 1 "$app is not writable" "check its permissions"
  (umask 022 && mkdir -p "$bin") || fail 1 "$bin is not writable" "choose another folder: SOTTO_BIN=… sh install.sh"
}

# A folder is made by exactly one of those that try.
one_at_a_time() {
  lock=$app/installing
  if ! mkdir "$lock" 2>/dev/null; then
    kill -0 "$(cat "$lock/pid" 2>/dev/null || echo 0)" 2>/dev/null && [ -s "$lock/pid" ] &&
      fail 1 "another installation is in progress (process $(cat "$lock/pid"))"
    unlock # of one that was interrupted
    mkdir "$lock" 2>/dev/null || fail 1 "$lock was not made by this installer" "move it away, then run this again"
  fi
  echo $$ >"$lock/pid"
  trap unlock EXIT
  trap 'exit 130' INT TERM HUP
}

# Removes what the installer wrote, and the folder only where nothing else is in it.
unlock() {
  rm -f "$lock/pid"
  rmdir "$lock" 2>/dev/null || true
}

# --- the release ----------------------------------------------------------------------------------------------------

find_release() {
  here=$(cd "$(dirname "$0")" 2>/dev/null && pwd)
  for one in "$release_for" "$target"; do
    beside=$here/sotto-$VERSION-$one.tgz
    [ -n "$release" ] || [ ! -f "$beside" ] || release=$beside
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
  # Of the releases that this script was made for the sums are known, whatever the way they came.
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
  # Goes on where an interrupted one ended; a server that can't (22, 33, 36) is asked for all of it.
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

# A folder of its own for each release: it appears complete, and what runs from an older one is not disturbed.
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
  # A browser marks what it downloads, and macOS loads no marked library. The sum was checked.
  [ "$target" != darwin-arm64 ] || xattr -dr com.apple.quarantine "$place.part" 2>/dev/null || :
  # What is here already may have lost something.
  [ ! -e "$place" ] || mv "$place" "$place.old"
  mv "$place.part" "$place"
  rm -rf "$place.old"
  say "Sotto $version installed in $place"
  # Replaced in one step: there is always one that works.
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
    echo '# Written by Sotto’s installation; `sotto uninstall` takes it away.'
    [ -z "${SOTTO_HOME:-}" ] || echo "SOTTO_HOME=\${SOTTO_HOME:-$(quoted "$SOTTO_HOME")}; export SOTTO_HOME"
    echo "exec $(quoted "$app/current/bin/node") $(quoted "$app/current/daemon/bin/sotto.mjs") \"\$@\""
  } >"$command.new"
  chmod 755 "$command.new"
  mv "$command.new" "$command"
  printf '%s\n' "$command" >"$app/command"
  say "command: $command"
}

# The same, without quotes where none are needed.
as_word() { case $1 in *[!A-Za-z0-9_./~-]*) quoted "$1" ;; *) printf %s "$1" ;; esac; }

# A word of the shell that means itself.
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }

# --- have it run ----------------------------------------------------------------------------------------------------

start() {
  if [ $agent = yes ]; then
    said=$("$command" agent install 2>&1) && { say "$said"; return; }
    say "Sotto won't start at login: ${said#sotto: }"
  fi
  # One of an older version would go on with it.
  "$command" daemon stop >/dev/null 2>&1 || :
}

try_it() {
  speech=$app/current/assets/speech/jfk.flac
  if heard=$("$command" transcribe "$speech" 2>"$app/trouble"); then
    rm -f "$app/trouble"
    say "Sotto works. Sample transcript: “$(printf %s "$heard" | tr '\n' ' ' | cut -c 1-60 | sed 's/ *$//')…”"
  else
    cat "$app/trouble" >&2
    rm -f "$app/trouble"
    "$command" agent doctor >&2 || :
    fail 3 "Sotto is installed, but can't transcribe" "see above; check again with: $command doctor"
  fi
}

# Only names that the installer gives: the folder may hold others' files.
forget_others() {
  for other in "$app"/versions/*; do
    [ "$other" != "$place" ] || continue
    basename "$other" | LC_ALL=C grep -Eqx '[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*-[0-9a-f]{8}(\.part|\.old)?' || continue
    rm -rf "$other"
  done
}

tell_what_next() {
  called=sotto
  case ":$PATH:" in
    *":$bin:"*) ;;
    *)
      # As a shell takes it: a name of a folder may hold a space.
      called=$(as_word "$command")
      say "$bin is not in your PATH: add it, or call $called"
      ;;
  esac
  say "test this machine, in under 3 minutes: $called doctor --selftest"
  [ "$target" = darwin-arm64 ] || { say "try it: sotto dictate"; return; }
  cat <<NEXT

Now in Raycast:
  1. Install the extension Sotto from the Store. It finds what was installed here by itself. Or build it from here, with
     Node.js 22.22 or later; once Raycast shows it, Ctrl-C ends the command and the extension stays:
       cd "$app/current/extension" && npm ci && npm run dev
  2. Give Quick Dictate a hotkey: Raycast Settings › Extensions › Sotto.
  3. Press it and speak. macOS asks once whether Raycast may use the microphone: allow it.

In a terminal: sotto dictate. Gone again with: sotto uninstall
NEXT
}

say() { printf 'sotto: %s\n' "$*"; }

# CODE PROBLEM [WHAT TO DO]
fail() {
  printf 'sotto: %s%s\n' "$2" "${3:+ — $3}" >&2
  exit "$1"
}

# All of it is read before any of it runs: a script that is cut off on its way does nothing.
main "$@"
