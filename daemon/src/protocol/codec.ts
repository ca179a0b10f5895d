/**
 * Audio as the codes of a codec.
 *
 *     → encode  ← waiting* ← started ← codes* ← encoded | cancelled | failed
 *     → decode  ← waiting*  ← speech-opened  ← audio frame*  ← speech-final | cancelled | failed
 *
 * `encode` reads a file as `transcribe` does, including `supply`. `decode` is answered as `speak` is, without `speech-text`; a
 * model whose capability says `encodesOnly` refuses it with MODEL_UNSUPPORTED.
 */
import * as v from 'valibot';
import { defined } from './defined.js';
import { finite, integer, text } from './fields.js';
import { LIMITS } from './version.js';

const count = v.pipe(integer, v.minValue(0));

export const encodeOptionsSchema = v.object({
  /** Only the first of the model’s codebooks: fewer bytes, less quality. All if omitted. */
  codebooks: v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(64))),
});
export type EncodeOptions = v.InferOutput<typeof encodeOptionsSchema>;

/** Consecutive frames. */
export const codesSchema = v.object({
  /** One list for each codebook, one code for each frame; SNAC’s lists have different lengths. */
  codes: v.array(v.array(count)),
  /** Loudness of each chunk, for a codec that stores it apart. */
  scales: v.exactOptional(v.array(finite)),
});
export type Codes = v.InferOutput<typeof codesSchema>;

/** Consecutive codes as one. */
export function joinCodes(parts: readonly Codes[]): Codes {
  const codes: number[][] = [];
  let scales: number[] | undefined;
  for (const part of parts) {
    part.codes.forEach((list, codebook) => {
      const joined = (codes[codebook] ??= []);
      for (const code of list) joined.push(code);
    });
    if (part.scales !== undefined) (scales ??= []).push(...part.scales);
  }
  return { codes, ...defined({ scales }) };
}

export const encodedAudioSchema = v.object({
  ...codesSchema.entries,
  /** Samples of the audio at the model’s rate, because the last frame may be longer. */
  samples: count,
});
export type EncodedAudio = v.InferOutput<typeof encodedAudioSchema>;

export const encodeSummarySchema = v.object({
  /** In Hz. */
  sampleRate: integer,
  samples: count,
  /** Wall time of all computing, in seconds. */
  seconds: finite,
  /** Whether the codes have no decoder of their own, as in the capabilities of the model. */
  encodesOnly: v.exactOptional(v.boolean()),
});
export type EncodeSummary = v.InferOutput<typeof encodeSummarySchema>;

const id = text(1, 64);
const seq = v.pipe(integer, v.minValue(1));
/** Name or absolute folder; the chosen codec if omitted. */
const model = v.exactOptional(text(1, LIMITS.maxPathLength));

export const codecClientTable = {
  encode: v.object({
    type: v.literal('encode'),
    id,
    path: v.pipe(
      text(1, LIMITS.maxPathLength),
      v.check((path) => path.startsWith('/') && !path.includes('\0'), 'must be absolute'),
    ),
    model,
    options: v.exactOptional(encodeOptionsSchema),
    supplies: v.exactOptional(v.boolean()),
  }),
  decode: v.object({ type: v.literal('decode'), id, model, encoded: encodedAudioSchema }),
};

export const codecDaemonTable = {
  /** `seconds`: audio encoded so far. */
  codes: v.object({ ...codesSchema.entries, type: v.literal('codes'), id, seq, seconds: finite }),
  encoded: v.object({
    type: v.literal('encoded'),
    id,
    seq,
    summary: v.object({ ...encodeSummarySchema.entries, model: v.string() }),
  }),
};
