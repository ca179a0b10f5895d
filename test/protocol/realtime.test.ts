import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SottoError } from '#daemon/protocol/errors.js';
import { eventIdOf, parseRealtimeEvent } from '#daemon/protocol/realtime.js';

function refusal(value: unknown): SottoError {
  try {
    parseRealtimeEvent(value);
  } catch (error) {
    return SottoError.from(error);
  }
  throw new Error('the event was accepted');
}

describe('events of realtime clients', () => {
  test('ignore unknown fields of a session', () => {
    const session = {
      type: 'realtime',
      instructions: 'be kind',
      tools: [],
      audio: {
        output: { voice: 'alloy' },
        input: {
          format: { type: 'audio/pcm', rate: 24_000 },
          transcription: { model: 'gpt-4o-transcribe', language: 'en', delay: 'low' },
          turn_detection: { type: 'server_vad', create_response: true, idle_timeout_ms: null },
          noise_reduction: { type: 'near_field', strength: 1 },
        },
      },
    };
    expect(parseRealtimeEvent({ type: 'session.update', event_id: 'e', session })).toEqual({
      type: 'session.update',
      session: {
        type: 'realtime',
        audio: {
          input: {
            format: { type: 'audio/pcm', rate: 24_000 },
            transcription: { model: 'gpt-4o-transcribe', language: 'en' },
            turn_detection: { type: 'server_vad' },
            noise_reduction: { type: 'near_field' },
          },
        },
      },
    });
  });

  test('with a flat session belong to the beta, under either name', () => {
    const session = { input_audio_format: 'pcm16', turn_detection: null };
    expect(parseRealtimeEvent({ type: 'session.update', session })).toEqual({
      type: 'beta.update',
      named: 'session',
      session,
    });
    expect(parseRealtimeEvent({ type: 'transcription_session.update', session })).toMatchObject({
      type: 'beta.update',
      named: 'transcription_session',
    });
  });

  test.each([
    ['rate', { format: { type: 'audio/pcm', rate: 44_100 } }, 'session.audio.input.format.rate'],
    ['format', { format: { type: 'audio/opus' } }, 'session.audio.input.format.type'],
    ['turns', { turn_detection: { type: 'none' } }, 'session.audio.input.turn_detection.type'],
    [
      'threshold',
      { turn_detection: { type: 'server_vad', threshold: 2 } },
      'session.audio.input.turn_detection.threshold',
    ],
    [
      'silence',
      { turn_detection: { type: 'server_vad', silence_duration_ms: 'long' } },
      'session.audio.input.turn_detection.silence_duration_ms',
    ],
    ['language', { transcription: { language: 7 } }, 'session.audio.input.transcription.language'],
    ['a letter', { transcription: { language: 'x' } }, 'session.audio.input.transcription.language'],
    [
      'keywords',
      { transcription: { keywords: Array(300).fill('a word of 21 letters.') } },
      'session.audio.input.transcription.keywords',
    ],
  ])('name the invalid field: %s', (_, input, param) => {
    const error = refusal({ type: 'session.update', session: { type: 'transcription', audio: { input } } });
    expect([error.code, error.param]).toEqual(['INVALID_ARGUMENT', param]);
    expect(error.message).toContain(param);
  });

  test.each([
    'conversation.item.create',
    'response.create',
    'output_audio_buffer.clear',
    'toString',
    '__proto__',
    '',
  ])('of type %s are refused', (type) => {
    expect(refusal({ type }).code).toBe('PROTOCOL');
  });

  test('give an event or a coded error for random values', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), (value) => {
        expect(['PROTOCOL', 'INVALID_ARGUMENT']).toContain(refusal(value).code);
        eventIdOf(value);
      }),
    );
    const nearly = fc.record({
      type: fc.constantFrom('session.update', 'transcription_session.update', 'input_audio_buffer.append'),
      session: fc.anything(),
      audio: fc.anything(),
    });
    fc.assert(
      fc.property(nearly, (value) => {
        try {
          parseRealtimeEvent(value);
        } catch (error) {
          expect(SottoError.from(error).code).toBe('INVALID_ARGUMENT');
        }
      }),
    );
  });
});
