/** RealtimeSettings of a realtime session: applies updates, and converts them to Sotto's options. */
import { SAMPLE_RATE, type LiveOptions } from '../../protocol/live.js';
import type {
  BetaSession,
  NoiseReduction,
  Session,
  TranscriptionSettings,
  TurnDetection,
} from '../../protocol/realtime.js';
import { modelOf } from '../openai/request.js';
import type { TurnSettings } from './turn-detector.js';

export type Format =
  { readonly type: 'audio/pcm'; readonly rate: number } | { readonly type: 'audio/pcmu' | 'audio/pcma' };

type TurnDetectionSettings =
  | {
      readonly type: 'server_vad';
      readonly threshold: number;
      readonly prefix_padding_ms: number;
      readonly silence_duration_ms: number;
    }
  | { readonly type: 'semantic_vad'; readonly eagerness: Eagerness };
type Eagerness = 'low' | 'medium' | 'high' | 'auto';

export interface RealtimeSettings {
  readonly format: Format;
  readonly transcription: TranscriptionSettings | null;
  /** `null`: the client commits items. */
  readonly turns: TurnDetectionSettings | null;
  /** Stored and reported, but not applied, because the models tolerate noise. */
  readonly noiseReduction: NoiseReduction | null;
  readonly include: readonly string[] | null;
}

const SERVER_VAD = {
  type: 'server_vad',
  threshold: 0.5,
  prefix_padding_ms: 300,
  silence_duration_ms: 500,
} as const;

/** Eagerness as a duration of silence, because turns end by silence and not by the end of a sentence. */
const EAGERNESS_SILENCE_MS: Readonly<Record<Eagerness, number>> = {
  high: 500,
  medium: 1_000,
  auto: 1_000,
  low: 2_000,
};

const BETA_FORMATS = {
  pcm16: { type: 'audio/pcm', rate: 24_000 },
  g711_ulaw: { type: 'audio/pcmu' },
  g711_alaw: { type: 'audio/pcma' },
} as const satisfies Record<string, Format>;

/** @param model the `model` of the URL */
export function initialSettings(model: string | undefined): RealtimeSettings {
  return {
    format: BETA_FORMATS.pcm16,
    transcription: model === undefined ? null : { model },
    turns: SERVER_VAD,
    noiseReduction: null,
    include: null,
  };
}

export function updated(now: RealtimeSettings, { audio, include }: Session): RealtimeSettings {
  const { format, transcription, turn_detection: turns, noise_reduction: noise } = audio?.input ?? {};
  return changed(now, {
    format: format === null || format === undefined ? undefined : formatOf(format),
    transcription,
    turns,
    noise,
    include,
  });
}

export function betaUpdated(now: RealtimeSettings, session: BetaSession): RealtimeSettings {
  const { input_audio_format: format } = session;
  return changed(now, {
    format: format === undefined ? undefined : BETA_FORMATS[format],
    transcription: session.input_audio_transcription,
    turns: session.turn_detection,
    noise: session.input_audio_noise_reduction,
    include: session.include,
  });
}

export function liveOptionsOf({ transcription }: RealtimeSettings): LiveOptions {
  const { language, prompt, keywords } = transcription ?? {};
  return {
    ...(isPresent(language) && { language }),
    ...(isPresent(prompt) && { initialPrompt: prompt }),
    ...(keywords !== undefined && keywords !== null && { hotwords: keywords }),
  };
}

/** @returns undefined if the client commits items */
export function turnSettingsOf({ turns }: RealtimeSettings): TurnSettings | undefined {
  if (turns === null) return undefined;
  const vad =
    turns.type === 'server_vad'
      ? turns
      : { ...SERVER_VAD, silence_duration_ms: EAGERNESS_SILENCE_MS[turns.eagerness] };
  const samples = (ms: number): number => Math.round((ms * SAMPLE_RATE) / 1000);
  return {
    threshold: vad.threshold,
    prefixSamples: samples(vad.prefix_padding_ms),
    silenceSamples: samples(vad.silence_duration_ms),
  };
}

interface Change {
  readonly format: Format | undefined;
  readonly transcription: TranscriptionSettings | null | undefined;
  readonly turns: TurnDetection | null | undefined;
  readonly noise: NoiseReduction | null | undefined;
  readonly include: readonly string[] | null | undefined;
}

function changed(
  now: RealtimeSettings,
  { format, transcription, turns, noise, include }: Change,
): RealtimeSettings {
  return {
    format: format ?? now.format,
    transcription: transcription
      ? { ...now.transcription, ...transcription }
      : keep(transcription, now.transcription),
    turns: turns ? mergeTurnDetection(turns, now.turns) : keep(turns, now.turns),
    noiseReduction: keep(noise, now.noiseReduction),
    include: keep(include, now.include),
  };
}

/** Absent fields keep their value, or get the default if the type has changed. */
function mergeTurnDetection(update: TurnDetection, now: TurnDetectionSettings | null): TurnDetectionSettings {
  if (update.type === 'semantic_vad') {
    const before = now?.type === 'semantic_vad' ? now.eagerness : 'auto';
    return { type: 'semantic_vad', eagerness: update.eagerness ?? before };
  }
  const before = now?.type === 'server_vad' ? now : SERVER_VAD;
  return {
    type: 'server_vad',
    threshold: update.threshold ?? before.threshold,
    prefix_padding_ms: update.prefix_padding_ms ?? before.prefix_padding_ms,
    silence_duration_ms: update.silence_duration_ms ?? before.silence_duration_ms,
  };
}

function formatOf(format: { type: Format['type']; rate?: number }): Format {
  const { type } = format;
  return type === 'audio/pcm' ? { type, rate: format.rate ?? 24_000 } : { type };
}

function keep<T>(update: T | null | undefined, now: T | null): T | null {
  return update === undefined ? now : update;
}

function isPresent(text: string | null | undefined): text is string {
  return text !== undefined && text !== null && text !== '';
}

/** OpenAI's models for conversations and live text, which mean the default model. */
const OPENAI_REALTIME_MODEL = /^gpt-([\w.]+-)*(realtime|live)(-[\w.]+)*$/;

/**
 * @returns undefined for the default model
 * @throws SottoError MODEL_NOT_FOUND for an invalid name
 */
export function realtimeModel(wanted: string | undefined): string | undefined {
  return wanted === undefined || OPENAI_REALTIME_MODEL.test(wanted) ? undefined : modelOf(wanted);
}
