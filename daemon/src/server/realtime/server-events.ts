/** Server events of OpenAI's realtime API, in their current form or that of the beta. */
import { randomBytes } from 'node:crypto';
import { SAMPLE_RATE } from '../../protocol/live.js';
import type { BetaName } from '../../protocol/realtime.js';
import type { Word } from '../../protocol/transcription.js';
import { SottoError } from '../../protocol/errors.js';
import { errorBody, type ErrorBody } from '../http/error-body.js';
import { withModelHint } from '../openai/request.js';
import type { Format, RealtimeSettings } from './session-settings.js';

export interface ServerEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** An error with a code of OpenAI's that clients know. */
export class RealtimeError extends SottoError {
  readonly openaiCode: 'input_audio_buffer_commit_empty' | 'session_expired';

  constructor(openaiCode: RealtimeError['openaiCode'], ...rest: ConstructorParameters<typeof SottoError>) {
    super(...rest);
    this.openaiCode = openaiCode;
  }
}

/** Events of the input buffer about its items, in order. */
export type BufferEvent =
  | { readonly type: 'started' | 'stopped'; readonly item: string; readonly at: number }
  | { readonly type: 'committed'; readonly item: string; readonly previous: string | null }
  | { readonly type: 'cleared' }
  | {
      readonly type: 'delta';
      readonly item: string;
      readonly text: string;
      readonly words: readonly Word[];
    }
  | {
      readonly type: 'completed';
      readonly item: string;
      readonly text: string;
      readonly seconds: number;
      readonly words: readonly Word[];
    }
  | { readonly type: 'failed'; readonly item: string; readonly error: SottoError }
  | { readonly type: 'error'; readonly error: SottoError };

interface Dialect {
  /** Whether the client uses the beta. */
  readonly beta: boolean;
  /** Whether the client requested word probabilities. */
  readonly logprobs: boolean;
}

const TRANSCRIPTION = 'conversation.item.input_audio_transcription';

/** Converts one buffer event to one or more API events. */
export function toServerEvents(event: BufferEvent, { beta, logprobs }: Dialect): ServerEvent[] {
  switch (event.type) {
    case 'started':
      return [
        serverEvent('input_audio_buffer.speech_started', {
          audio_start_ms: msOf(event.at),
          item_id: event.item,
        }),
      ];
    case 'stopped':
      return [
        serverEvent('input_audio_buffer.speech_stopped', {
          audio_end_ms: msOf(event.at),
          item_id: event.item,
        }),
      ];
    case 'committed': {
      const { item: id, previous } = event;
      const where = { previous_item_id: previous };
      const item = itemOf(id);
      return [
        serverEvent('input_audio_buffer.committed', { ...where, item_id: id }),
        ...(beta
          ? [serverEvent('conversation.item.created', { ...where, item })]
          : [
              serverEvent('conversation.item.added', { ...where, item }),
              serverEvent('conversation.item.done', { ...where, item }),
            ]),
      ];
    }
    case 'cleared':
      return [serverEvent('input_audio_buffer.cleared', {})];
    case 'delta':
      return [
        serverEvent(`${TRANSCRIPTION}.delta`, {
          ...part(event.item),
          delta: event.text,
          ...probable(event.words, logprobs),
        }),
      ];
    case 'completed':
      return [
        serverEvent(`${TRANSCRIPTION}.completed`, {
          ...part(event.item),
          transcript: event.text,
          ...probable(event.words, logprobs),
          usage: { type: 'duration', seconds: event.seconds },
        }),
      ];
    case 'failed': {
      const { type, code, message, param } = bodyOf(event.error);
      return [
        serverEvent(`${TRANSCRIPTION}.failed`, {
          ...part(event.item),
          error: { type, code, message, param },
        }),
      ];
    }
    case 'error':
      return [errorEvent(event.error)];
  }
}

/** @param clientEventId the client's id of the failed event */
export function errorEvent(error: SottoError, clientEventId?: string): ServerEvent {
  const body = bodyOf(error);
  const code = error instanceof RealtimeError ? error.openaiCode : body.code;
  return serverEvent('error', { error: { ...body, code, event_id: clientEventId ?? null } });
}

function bodyOf(error: SottoError): ErrorBody['error'] {
  return errorBody(withModelHint(error)).error;
}

/** The session object: the first event, and the answer to each update. */
export function sessionEvent(
  what: 'created' | 'updated',
  settings: RealtimeSettings,
  about: { readonly id: string; readonly expiresAt: number; readonly beta: BetaName | undefined },
): ServerEvent {
  const { id, expiresAt, beta } = about;
  const head = { id, object: 'realtime.transcription_session', expires_at: expiresAt };
  const { format, transcription, turns, noiseReduction, include } = settings;
  if (beta === undefined) {
    const input = { format, transcription, noise_reduction: noiseReduction, turn_detection: turns };
    return serverEvent(`session.${what}`, {
      session: { ...head, type: 'transcription', audio: { input }, include },
    });
  }
  return serverEvent(`${beta}.${what}`, {
    session: {
      ...head,
      modalities: ['text'],
      input_audio_format: betaFormat(format),
      input_audio_transcription: transcription,
      input_audio_noise_reduction: noiseReduction,
      turn_detection: turns,
      include,
      client_secret: null,
    },
  });
}

export function newId(prefix: 'sess' | 'item' | 'event'): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}

function serverEvent(type: string, fields: object): ServerEvent {
  return { type, event_id: newId('event'), ...fields };
}

function part(item: string): object {
  return { item_id: item, content_index: 0 };
}

function itemOf(id: string): object {
  const content = [{ type: 'input_audio', transcript: null }];
  return { id, object: 'realtime.item', type: 'message', status: 'completed', role: 'user', content };
}

function probable(words: readonly Word[], wanted: boolean): { logprobs: object[] | null } {
  if (!wanted) return { logprobs: null };
  const logprobs = words.map(({ word, probability }) => ({
    token: word,
    logprob: Math.log(Math.max(probability, 1e-9)),
    bytes: [...Buffer.from(word)],
  }));
  return { logprobs };
}

function betaFormat(format: Format): string {
  if (format.type === 'audio/pcm') return 'pcm16';
  return format.type === 'audio/pcmu' ? 'g711_ulaw' : 'g711_alaw';
}

/** Since the first appended sample. */
function msOf(sample: number): number {
  return Math.round((1000 * sample) / SAMPLE_RATE);
}
