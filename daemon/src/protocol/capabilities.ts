/** What a model can do. All parts of Sotto decide by these values, never by the family. */
import * as v from 'valibot';
import { finite, integer } from './fields.js';

const languages = v.array(v.string());
/** Names of its own voices. */
const voices = v.array(v.string());
/** In Hz, of the audio that it makes. */
const madeRate = integer;

/** An absent entry is something that the model can't do. */
export const capabilitiesSchema = v.object({
  transcribe: v.exactOptional(
    v.object({
      /** Codes of the languages that it recognizes. */
      languages,
      /** Whether it can write English for speech in another language. */
      translates: v.boolean(),
      /** Whether it can transcribe live speech. */
      streams: v.boolean(),
      wordTimestamps: v.boolean(),
      hotwords: v.boolean(),
      /** Whether it has a beam search. */
      beamSize: v.exactOptional(v.boolean()),
      prompt: v.boolean(),
      /** Whether it can find the times of a known text. */
      aligns: v.exactOptional(v.boolean()),
    }),
  ),
  speak: v.exactOptional(
    v.object({
      languages,
      voices,
      sampleRate: madeRate,
    }),
  ),
  codec: v.exactOptional(
    v.object({
      /** In Hz, of the audio that it reads, and makes if it can. */
      sampleRate: integer,
      codebooks: integer,
      /** Codes that each codebook has. */
      codebookSize: integer,
      /** Of the codebook with the most codes. */
      framesPerSecond: finite,
      /** Frames for one code of each codebook, if they differ. */
      strides: v.exactOptional(v.array(integer)),
      /** Samples of the segments that it encodes one by one, and from the start of one to that of the next. */
      segment: v.exactOptional(v.object({ samples: integer, stride: integer })),
      /** Whether it stores the loudness of each segment apart. */
      scales: v.exactOptional(v.boolean()),
      /** Whether its codes have no decoder of their own: a voice turns them into sound. */
      encodesOnly: v.exactOptional(v.boolean()),
    }),
  ),
  converse: v.exactOptional(
    v.object({
      languages,
      /** Absent if it only writes. */
      speaks: v.exactOptional(v.object({ voices, sampleRate: madeRate })),
    }),
  ),
});
export type Capabilities = v.InferOutput<typeof capabilitiesSchema>;
