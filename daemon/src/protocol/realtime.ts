/**
 * Client events of OpenAI's realtime transcription: the current ones, and those of the beta, which many programs still send.
 * Unknown fields of `session` are ignored, because most clients send more than they need. An absent field keeps its value,
 * `null` turns it off.
 */
import * as v from 'valibot';
import { SottoError } from './errors.js';
import { text, integer, inRange } from './fields.js';
import { liveOptionsSchema } from './live.js';
import { defined } from './defined.js';

const HINT = 'send session.update, and input_audio_buffer.append, .commit and .clear';

/** OpenAI accepts 24 kHz; Sotto also accepts 16 kHz, its own rate. */
const PCM_RATES = [24_000, 16_000] as const;

const formatSchema = v.variant('type', [
  v.object({ type: v.literal('audio/pcm'), rate: v.exactOptional(v.picklist(PCM_RATES)) }),
  v.object({ type: v.literal('audio/pcmu') }),
  v.object({ type: v.literal('audio/pcma') }),
]);

const transcriptionSchema = v.object({
  model: v.exactOptional(text(1, 200)),
  language: v.exactOptional(
    v.nullable(v.union([v.literal(''), v.unwrap(liveOptionsSchema.entries.language)])),
  ),
  prompt: v.exactOptional(v.nullable(v.unwrap(liveOptionsSchema.entries.initialPrompt))),
  /** Words to listen for. */
  keywords: v.exactOptional(v.nullable(v.unwrap(liveOptionsSchema.entries.hotwords))),
});

const milliseconds = v.pipe(integer, v.minValue(0), v.maxValue(60_000));

const turnDetectionSchema = v.variant('type', [
  v.object({
    type: v.literal('server_vad'),
    threshold: v.exactOptional(v.nullable(inRange(0, 1))),
    prefix_padding_ms: v.exactOptional(v.nullable(milliseconds)),
    silence_duration_ms: v.exactOptional(v.nullable(milliseconds)),
  }),
  v.object({
    type: v.literal('semantic_vad'),
    eagerness: v.exactOptional(v.nullable(v.picklist(['low', 'medium', 'high', 'auto']))),
  }),
]);

const noiseReductionSchema = v.object({ type: v.picklist(['near_field', 'far_field']) });

const includeSchema = v.exactOptional(v.nullable(v.pipe(v.array(text(1, 200)), v.maxLength(20))));

/** The current session; its settings are under `audio.input`. */
const sessionSchema = v.object({
  /** A `realtime` conversation is only transcribed. */
  type: v.optional(v.picklist(['transcription', 'realtime']), 'transcription'),
  audio: v.exactOptional(
    v.object({
      input: v.exactOptional(
        v.object({
          format: v.exactOptional(v.nullable(formatSchema)),
          transcription: v.exactOptional(v.nullable(transcriptionSchema)),
          turn_detection: v.exactOptional(v.nullable(turnDetectionSchema)),
          noise_reduction: v.exactOptional(v.nullable(noiseReductionSchema)),
        }),
      ),
    }),
  ),
  include: includeSchema,
});

/** The session of the beta, with flat fields. */
const betaSessionSchema = v.object({
  input_audio_format: v.exactOptional(v.picklist(['pcm16', 'g711_ulaw', 'g711_alaw'])),
  input_audio_transcription: v.exactOptional(v.nullable(transcriptionSchema)),
  turn_detection: v.exactOptional(v.nullable(turnDetectionSchema)),
  input_audio_noise_reduction: v.exactOptional(v.nullable(noiseReductionSchema)),
  include: includeSchema,
});

export type Session = v.InferOutput<typeof sessionSchema>;
export type BetaSession = v.InferOutput<typeof betaSessionSchema>;
export type TurnDetection = v.InferOutput<typeof turnDetectionSchema>;
export type TranscriptionSettings = v.InferOutput<typeof transcriptionSchema>;
export type NoiseReduction = v.InferOutput<typeof noiseReductionSchema>;

const BETA_FIELDS = [
  'input_audio_format',
  'input_audio_transcription',
  'turn_detection',
  'input_audio_noise_reduction',
];

/** The beta also has `session.update`, but its session has no type, and flat fields. */
function isBetaSession(session: unknown): boolean {
  if (typeof session !== 'object' || session === null || 'type' in session || 'audio' in session)
    return false;
  return BETA_FIELDS.some((name) => name in session);
}

const table = {
  'session.update': v.object({ type: v.literal('session.update'), session: sessionSchema }),
  'transcription_session.update': v.object({
    type: v.literal('transcription_session.update'),
    session: betaSessionSchema,
  }),
  'input_audio_buffer.append': v.object({
    type: v.literal('input_audio_buffer.append'),
    /** Base64. */
    audio: v.string(),
  }),
  'input_audio_buffer.commit': v.object({ type: v.literal('input_audio_buffer.commit') }),
  'input_audio_buffer.clear': v.object({ type: v.literal('input_audio_buffer.clear') }),
};

export type RealtimeEvent =
  | Exclude<v.InferOutput<(typeof table)[keyof typeof table]>, { type: 'transcription_session.update' }>
  /** The update of the beta, by either of its names. */
  | { readonly type: 'beta.update'; readonly session: BetaSession; readonly named: BetaName };
export type BetaName = 'session' | 'transcription_session';

/** @throws SottoError PROTOCOL (not an object, unsupported event), INVALID_ARGUMENT (with the invalid field) */
export function parseRealtimeEvent(value: unknown): RealtimeEvent {
  if (typeof value !== 'object' || value === null || !('type' in value) || typeof value.type !== 'string') {
    throw new SottoError('PROTOCOL', 'an event must be an object with a `type`', {
      hint: HINT,
      param: 'type',
    });
  }
  const isBeta = value.type === 'session.update' && 'session' in value && isBetaSession(value.session);
  const name = isBeta ? 'transcription_session.update' : value.type;
  if (!isSupported(name)) {
    throw new SottoError(
      'PROTOCOL',
      `\`${name.slice(0, 60)}\` is not supported: this session only transcribes`,
      {
        hint: HINT,
        param: 'type',
      },
    );
  }
  const parsed = v.safeParse(table[name], isBeta ? { ...value, type: name } : value);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const param = v.getDotPath(issue) ?? undefined;
    throw new SottoError('INVALID_ARGUMENT', `${param ?? name}: ${issue.message}`, {
      hint: 'see OpenAI’s realtime transcription reference',
      ...defined({ param }),
    });
  }
  const event = parsed.output;
  if (event.type !== 'transcription_session.update') return event;
  return {
    type: 'beta.update',
    session: event.session,
    named: isBeta ? 'session' : 'transcription_session',
  };
}

/** The client's id of an event, for the error that answers it. */
export function eventIdOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('event_id' in value)) return undefined;
  return typeof value.event_id === 'string' ? value.event_id.slice(0, 512) : undefined;
}

function isSupported(name: string): name is keyof typeof table {
  return Object.hasOwn(table, name);
}
