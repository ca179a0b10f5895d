import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { audioPaths, pcmContent, type Turn, type TurnContent } from '#daemon/protocol/conversation.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { parseFromEngine, parseToEngine } from '#daemon/protocol/ipc.js';
import { parseClientMessage, parseDaemonMessage } from '#daemon/protocol/messages.js';
import { LIMITS } from '#daemon/protocol/version.js';
import { fromPcm16 } from '#daemon/signal/pcm16.js';

const content: fc.Arbitrary<TurnContent> = fc.oneof(
  fc.string().map((text) => ({ type: 'text' as const, text })),
  fc.string({ unit: 'grapheme-ascii' }).map((name) => ({ type: 'audio' as const, path: `/${name}` })),
  fc.int16Array({ minLength: 1 }).map(pcmContent),
);
const turn: fc.Arbitrary<Turn> = fc.record({
  role: fc.constantFrom('system', 'user', 'assistant'),
  content: fc.array(content, { minLength: 1, maxLength: 5 }),
});
const hello: Turn = { role: 'user', content: [{ type: 'text', text: 'Hello.' }] };
const converse = { type: 'converse', id: '1', turns: [hello] };

function refusalOf(message: object): SottoError {
  try {
    parseClientMessage(JSON.stringify(message));
  } catch (error) {
    if (error instanceof SottoError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe('a conversation', () => {
  test('is parsed as it was sent, and reaches the engine unchanged', () => {
    fc.assert(
      fc.property(fc.array(turn, { minLength: 1, maxLength: 5 }), (turns) => {
        const message = { ...converse, turns };
        expect(parseClientMessage(JSON.stringify(message))).toEqual(message);
        const source = { type: 'turns', turns, options: { seed: 1 } };
        const open = { type: 'speech-open', speech: 1, model: { name: 'm', dir: '/m' }, source };
        expect(parseToEngine(structuredClone(open))).toEqual(open);
      }),
    );
  });

  test('keeps common options and objects of families, and drops what is unknown', () => {
    const options = { language: 'en', maxTokens: 5, temperature: 0, seed: 3, voice: 'v', speak: true };
    const sent = { ...converse, color: 'red', options: { ...options, tone: { tool: 'clock' }, beams: 5 } };
    const kept = { ...converse, options: { ...options, tone: { tool: 'clock' } } };
    expect(parseClientMessage(JSON.stringify(sent))).toEqual(kept);
  });

  test.each([
    ['without turns', 'turns', { turns: [] }],
    ['with too many turns', 'turns', { turns: Array(LIMITS.conversationTurns + 1).fill(hello) }],
    ['with an unknown role', 'turns.0.role', { turns: [{ ...hello, role: 'robot' }] }],
    ['with an empty turn', 'turns.0.content', { turns: [{ ...hello, content: [] }] }],
    ['with a part of an unknown type', 'turns.0.content.0.type', withPart({ type: 'video' })],
    ['with a relative path', 'turns.0.content.0.path', withPart({ type: 'audio', path: 'a.wav' })],
    ['with a NUL byte in a path', 'turns.0.content.0.path', withPart({ type: 'audio', path: '/a\0' })],
    ['with half a sample', 'turns.0.content.0.pcm', withPart({ type: 'pcm', pcm: 'AA==' })],
    ['with no samples', 'turns.0.content.0.pcm', withPart({ type: 'pcm', pcm: '' })],
    ['with no base64', 'turns.0.content.0.pcm', withPart({ type: 'pcm', pcm: 'AA A' })],
    ['with padding inside base64', 'turns.0.content.0.pcm', withPart({ type: 'pcm', pcm: 'A=AA' })],
    ['with a temperature below 0', 'options.temperature', { options: { temperature: -1 } }],
    ['with no tokens', 'options.maxTokens', { options: { maxTokens: 0 } }],
  ])('%s is refused with the name of the field', (_, field, change) => {
    const error = refusalOf({ ...converse, ...change });
    expect([error.code, error.message]).toEqual(['INVALID_ARGUMENT', expect.stringContaining(`${field}: `)]);
  });

  test('may name each of a limited number of files as often as it likes', () => {
    const naming = (files: number): object => {
      const parts = Array.from({ length: files + 5 }, (_, i) => ({ type: 'audio', path: `/${i % files}` }));
      return { ...converse, turns: parts.map((part) => ({ role: 'user', content: [part] })) };
    };
    const parsed = parseClientMessage(JSON.stringify(naming(LIMITS.filesPerConversation)));
    expect(parsed.type === 'converse' && audioPaths(parsed.turns)).toHaveLength(LIMITS.filesPerConversation);
    expect(refusalOf(naming(LIMITS.filesPerConversation + 1)).message).toContain('at most 64 files');
  });

  test('carries the longest samples, and no longer ones', () => {
    const seconds = (n: number) => withPart(pcmContent(new Int16Array(n * 16_000)));
    const longest = JSON.stringify({ ...converse, ...seconds(LIMITS.maxTurnPcmSeconds) });
    expect(longest.length).toBeLessThan(LIMITS.maxMessageBytes);
    expect(parseClientMessage(longest).type).toBe('converse');
    expect(refusalOf({ ...converse, ...seconds(LIMITS.maxTurnPcmSeconds + 1) }).code).toBe(
      'INVALID_ARGUMENT',
    );
  });

  test('keeps samples bit by bit', () => {
    fc.assert(
      fc.property(fc.int16Array({ minLength: 1 }), (samples) => {
        const part = pcmContent(samples);
        const bytes = part.type === 'pcm' ? Buffer.from(part.pcm, 'base64') : Buffer.alloc(0);
        expect([...fromPcm16(bytes)].map((value) => value * 32_768)).toEqual([...samples]);
      }),
    );
  });
});

describe('an answer', () => {
  test('is parsed as it was sent', () => {
    const call = { name: 'clock', arguments: { zone: ['UTC'] } };
    for (const event of [
      { type: 'text', text: '' },
      { type: 'tool-call', call },
    ]) {
      const message = { type: 'answer', id: '1', event };
      expect(parseDaemonMessage(JSON.stringify(message))).toEqual(message);
      const sent = { type: 'speech-answer', speech: 1, event };
      expect(parseFromEngine(structuredClone(sent))).toEqual(sent);
    }
  });

  test('of NaN seconds is refused', () => {
    const summary = { text: '', toolCalls: [], durationSeconds: 0, timings: { first: NaN, total: 0 } };
    const parse = () => parseFromEngine({ type: 'speech-answered', speech: 1, summary });
    expect(parse).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  test('and its question throw only SottoError, whatever they are', () => {
    const near = fc.record({
      type: fc.constantFrom('converse', 'answer', 'answered', 'supply'),
      id: fc.constant('1'),
      turns: fc.jsonValue(),
      event: fc.jsonValue(),
      summary: fc.jsonValue(),
      options: fc.jsonValue(),
    });
    fc.assert(
      fc.property(near, (message) => {
        for (const parse of [parseClientMessage, parseDaemonMessage]) {
          try {
            parse(JSON.stringify(message));
          } catch (error) {
            if (!(error instanceof SottoError)) throw error;
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

function withPart(part: object): object {
  return { turns: [{ role: 'user', content: [part] }] };
}
