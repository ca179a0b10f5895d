#!/usr/bin/env bash
# Installs the reference implementations that Sotto is compared with, in separate Python environments.
#
#   setup.sh            .venv:        MLX's Python, mlx-whisper, the Whisper normalizer  (fixtures, scores, bench)
#   setup.sh torch      .venv-torch:  openai-whisper on torch, CPU                       (the quick reference decoder)
#   setup.sh hf         .venv-hf:     transformers on torch, CPU                         (tiny checkpoints)
#   setup.sh codecs     .venv-codecs: transformers, encodec, moshi, snac, dac, vocos, bigvgan, s3tokenizer on torch, CPU; mlx-audio
#   setup.sh lyra       .venv-lyra:   TFLite and its file format                         (conversion and fixtures of Lyra)
#   setup.sh mos        .venv-mos:    DNSMOS and PyAV's libopus                          (bench codec-quality)
#
# Versions are pinned, because fixtures and tables depend on them.
set -euo pipefail
cd "$(dirname "$0")"
python=${PYTHON:-python3}

make_venv() {
  [ -x "$1/bin/python" ] || "$python" -m venv "$1"
  "$1/bin/pip" install -q --disable-pip-version-check "${@:2}"
}

case "${1:-mlx}" in
mlx)
  make_venv .venv mlx==0.32.4 mlx-cpu==0.32.4 numpy numba tiktoken scipy more-itertools tqdm huggingface_hub requests \
    soundfile whisper-normalizer==0.1.15
  make_venv .venv --no-deps mlx-whisper==0.4.3 # its metadata requires torch, which it needs only for conversion
  if [ "$(uname)" = Linux ]; then # macOS has Accelerate; MLX's Linux wheel has the slow reference BLAS: see front-blas.c
    make_venv .venv scipy-openblas32==0.3.34.481.3
    lib=$(.venv/bin/python -c 'import scipy_openblas32 as o; print(o.get_lib_dir())')
    ${CC:-cc} -O2 -shared -fPIC -o .venv/front-blas.so front-blas.c -L"$lib" -lscipy_openblas -Wl,-rpath,"$lib"
  fi
  ;;
torch)
  make_venv .venv-torch torch==2.15.0 openai-whisper==20250625 imageio-ffmpeg==0.8.1 safetensors soundfile numpy
  ;;
hf)
  make_venv .venv-hf torch==2.15.0 transformers==5.23.0 numpy librosa soundfile kaldi-native-fbank==1.23.0
  ;;
moonshine)
  make_venv .venv-moonshine torch==2.15.0 transformers==5.24.0 onnx==1.23.2 onnxruntime==1.32.0 safetensors tokenizers numpy
  ;;
codecs)
  make_venv .venv-codecs torch==2.15.0 transformers==5.23.0 numpy einops safetensors sentencepiece librosa==0.11.0 matplotlib \
    onnx==1.23.2 mlx==0.32.4 mlx-cpu==0.32.4
  # Their metadata requires torchaudio and other versions of torch, which what is used of them does not need.
  make_venv .venv-codecs --no-deps encodec==0.1.1 moshi==0.2.13 \
    snac==1.2.1 descript-audio-codec==1.0.0 vocos==0.1.0 bigvgan==2.4.1 s3tokenizer==0.3.0 mlx-audio==0.6.2
  ;;
lyra)
  make_venv .venv-lyra ai-edge-litert==2.3.0 tflite==2.18.0 numpy==2.4.6
  ;;
mos)
  make_venv .venv-mos speechmos==0.0.1.1 onnxruntime==1.32.0 librosa==0.11.0 soundfile av==18.1.0 numpy
  ;;
*)
  sed -n '2,13p' "$0"
  exit 2
  ;;
esac
