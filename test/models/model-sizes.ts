/** The published Whisper sizes, as their `config.json` has them. */
interface Size {
  n_mels: number;
  n_audio_ctx: number;
  n_audio_state: number;
  n_audio_head: number;
  n_audio_layer: number;
  n_vocab: number;
  n_text_ctx: number;
  n_text_state: number;
  n_text_head: number;
  n_text_layer: number;
}

function size(
  state: number,
  head: number,
  audioLayer: number,
  textLayer: number,
  vocab: number,
  mels: number,
): Size {
  return {
    n_mels: mels,
    n_audio_ctx: 1500,
    n_audio_state: state,
    n_audio_head: head,
    n_audio_layer: audioLayer,
    n_vocab: vocab,
    n_text_ctx: 448,
    n_text_state: state,
    n_text_head: head,
    n_text_layer: textLayer,
  };
}

export const SIZES = {
  'tiny.en': size(384, 6, 4, 4, 51_864, 80),
  tiny: size(384, 6, 4, 4, 51_865, 80),
  base: size(512, 8, 6, 6, 51_865, 80),
  'small.en': size(768, 12, 12, 12, 51_864, 80),
  medium: size(1024, 16, 24, 24, 51_865, 80),
  'large-v2': size(1280, 20, 32, 32, 51_865, 80),
  'large-v3': size(1280, 20, 32, 32, 51_866, 128),
  turbo: size(1280, 20, 32, 4, 51_866, 128),
  'distil-small.en': size(768, 12, 12, 4, 51_864, 80),
  'distil-large-v3': size(1280, 20, 32, 2, 51_866, 128),
} as const;
