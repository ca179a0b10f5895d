#!/usr/bin/env bash
# Installs the peers of `npm run bench -- offline`: other Whisper implementations at pinned versions, each in a separate
# environment (test/reference/.venv-NAME), with the weights of one float16 folder (config.json + weights.safetensors) in
# the format that it reads (test/reference/.weights-peers).
#
#   setup.sh FLOAT16_DIR [PEER...]      (default: all peers, and the folder SOTTO_BASE)
#
#   faster-whisper      CTranslate2; int8 and float32 from one folder
#   whisper.cpp         compiled here for this processor (needs a C++ compiler); q8_0
#   whisper.cpp-wheel   the wheel of the same release (AVX2); q8_0
#   openai-whisper      torch, float32; test/reference's own environment
#   mlx-whisper         MLX's Python, float32, OpenBLAS in front; test/reference's own environment
#
# Existing files are kept; delete those folders to start over.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
reference=$(cd "$here/../../reference" && pwd)
python=${PYTHON:-python3}
model=${SOTTO_BASE:-}
if [ -n "${1:-}" ] && [ -e "$1/config.json" ]; then model=$1; shift; fi
[ -e "${model:-none}/weights.safetensors" ] || { sed -n '2,14p' "$0"; exit 2; }
model=$(cd "$model" && pwd)
weights=$reference/.weights-peers
mkdir -p "$weights"

make_venv() { # NAME PACKAGE…
  local venv=$reference/$1
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  "$venv/bin/python" -m pip install -q --disable-pip-version-check "${@:2}"
}

# The converted weights belong to one source; another source replaces them.
source_id=$(sha256sum "$model/weights.safetensors" 2>/dev/null || shasum -a 256 "$model/weights.safetensors")
source_id=${source_id%% *}
if [ "$(cat "$weights/source" 2>/dev/null)" != "$source_id" ]; then
  rm -rf "$weights"/*
  echo "$source_id" >"$weights/source"
fi
convert() { # VENV SCRIPT TARGET: writes to a temporary name first, so that an interrupted conversion is never used
  if [ -e "$weights/$3" ]; then return; fi
  rm -rf "$weights/new-$3"
  "$reference/$1/bin/python" "$here/$2" "$model" "$weights/new-$3"
  mv "$weights/new-$3" "$weights/$3"
}

for peer in "${@:-all}"; do
  case $peer in
  all)
    for each in faster-whisper whisper.cpp whisper.cpp-wheel mlx-whisper openai-whisper; do "$0" "$model" "$each"; done
    ;;
  faster-whisper)
    make_venv .venv-ct2 faster-whisper==1.2.1 ctranslate2==4.8.5 safetensors numpy
    convert .venv-ct2 to_ct2.py base-ct2
    ;;
  whisper.cpp | whisper.cpp-wheel)
    if [ "$peer" = whisper.cpp-wheel ]; then
      make_venv .venv-cpp-wheel pywhispercpp==1.5.1 safetensors numpy
    else
      CMAKE_ARGS='-DGGML_NATIVE=ON' make_venv .venv-cpp --no-binary pywhispercpp pywhispercpp==1.5.1 safetensors numpy
    fi
    [ "$peer" = whisper.cpp-wheel ] && venv=.venv-cpp-wheel || venv=.venv-cpp
    convert "$venv" to_ggml.py base-q8_0.bin
    ;;
  openai-whisper)
    "$reference/setup.sh" torch
    convert .venv-torch to_openai.py base.pt
    ;;
  mlx-whisper)
    "$reference/setup.sh" mlx
    ln -sfn "$model" "$weights/base-mlx"
    ;;
  *)
    echo "setup.sh: unknown peer $peer" >&2
    exit 2
    ;;
  esac
done
