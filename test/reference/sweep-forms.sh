#!/usr/bin/env bash
# Word errors of quantized formats of a model, one by one: quantize with MLX, expand, transcribe with openai-whisper.
#
#   sweep-forms.sh FLOAT16_DIR OUT_DIR FORM...      (forms as in quantize.py; "f16" is the model itself)
#
# Writes OUT_DIR/FORM.jsonl for each; then: .venv/bin/python score.py OUT_DIR/*.jsonl
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=${1:?usage: sweep-forms.sh FLOAT16_DIR OUT_DIR FORM...} out=${2:?} && shift 2
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
for form in "$@"; do
  model=$work/$form
  if [ "$form" = f16 ]; then model=$source; else "$here/.venv/bin/python" "$here/quantize.py" "$source" "$model" "$form" --expanded; fi
  "$here/.venv-torch/bin/python" "$here/transcribe-openai.py" "$model" "$out/$form.jsonl" --threads "${THREADS:-2}" </dev/null
  [ "$form" = f16 ] || rm -r "$model"
done
