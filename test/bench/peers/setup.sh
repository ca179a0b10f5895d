#!/usr/bin/env bash
# The peers that `npm run bench -- offline` runs beside ours: other people's Whisper, pinned, each in an environment of
# its own (test/reference/.venv-NAME), with the weights of one float16 folder (config.json + weights.safetensors) in the
# form that it reads (test/reference/.weights-peers).
#
#   setup.sh FLOAT16_DIR [PEER...]      (default: all; SOTTO_BASE is taken where no folder is given)
#
#   faster-whisper      CTranslate2; int8 and float32 from one folder
#   whisper.cpp         compiled here for this processor (needs a C++ compiler); q8_0
#   whisper.cpp-wheel   the same release as its wheel comes (AVX2); q8_0
#   openai-whisper      torch, float32; test/reference's own environment
#   mlx-whisper         MLX's Python, float32, OpenBLAS in front; test/reference's own environment
#
# What is there already stays; delete those folders to begin anew.
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

make_venv() { # NAME PACKAGE… : installs what is not there at that version
  local venv=$reference/$1
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  "$venv/bin/python" -m pip install -q --disable-pip-version-check "${@:2}"
}

# The forms belong to one source: another source makes them anew.
source_id=$(sha256sum "$model/weights.safetensors" 2>/dev/null || shasum -a 256 "$model/weights.safetensors")
source_id=${source_id%% *}
if [ "$(cat "$weights/source" 2>/dev/null)" != "$source_id" ]; then
  rm -rf "$weights"/*
  echo "$source_id" >"$weights/source"
fi
convert() { # VENV SCRIPT TARGET : makes it beside its place, so that a half-written form never counts
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
    echo "setup.sh: no peer is called $peer" >&2
    exit 2
    ;;
  esac
done
