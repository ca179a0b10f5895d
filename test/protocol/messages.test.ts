import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SottoError } from '#daemon/protocol/errors.js';
import { parseFromEngine, parseToEngine } from '#daemon/protocol/ipc.js';
import { idOf, parseClientMessage, parseDaemonMessage } from '#daemon/protocol/messages.js';
import { SOTTO_VERSION } from '#daemon/protocol/version.js';
import { packageRoot } from '#daemon/paths.js';
import { scriptedSegment } from '#test/harness/fake-audio.js';

function refusalOf(run: () => unknown): SottoError {
  try {
    run();
  } catch (error) {
    if (error instanceof SottoError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

const transcribe = { type: 'transcribe', id: '1', path: '/a.wav', options: { language: 'en' } };

describe('messages of clients', () => {
  test('are parsed without the unknown fields of a newer client', () => {
    const sent = { ...transcribe, color: 'red', options: { language: 'en', beams: 5 } };
    expect(parseClientMessage(JSON.stringify(sent))).toEqual(transcribe);
  });

  test('of an unknown type are refused', () => {
    for (const type of ['sing', '', 'toString', '__proto__', 'x'.repeat(10_000)]) {
      const error = refusalOf(() => parseClientMessage(JSON.stringify({ type, id: '1' })));
      expect(error.code).toBe('PROTOCOL');
      expect(error.message.length).toBeLessThan(100);
    }
  });

  test.each([
    ['no JSON', 'hello'],
    ['nothing', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '1'],
    ['no type', '{"id":"1"}'],
    ['a type that is not a string', '{"type":1}'],
  ])('with %s are refused as PROTOCOL', (_, text) => {
    expect(refusalOf(() => parseClientMessage(text)).code).toBe('PROTOCOL');
  });

  test.each([
    ['a relative path', { path: 'a.wav' }],
    ['an empty path', { path: '' }],
    ['a NUL byte in the path', { path: '/a\0.wav' }],
    ['a path that is too long', { path: `/${'a'.repeat(5_000)}` }],
    ['an id that is too long', { id: 'x'.repeat(65) }],
    ['an unknown task', { options: { task: 'sing' } }],
    ['a temperature that is not a list', { options: { temperature: 0.5 } }],
  ])('with %s are refused with the name of the field', (_, change) => {
    const error = refusalOf(() => parseClientMessage(JSON.stringify({ ...transcribe, ...change })));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toContain(Object.keys(change)[0] ?? '?');
  });

  test('have a readable id even if they are invalid', () => {
    expect(idOf('{"type":"sing","id":"7"}')).toBe('7');
    for (const text of ['', 'x', 'null', '{"id":7}']) expect(idOf(text)).toBeUndefined();
  });
});

describe('messages of engines', () => {
  test('with NaN are refused', () => {
    const event = { type: 'segment', segment: scriptedSegment(0, Number.NaN) };
    expect(refusalOf(() => parseFromEngine({ type: 'event', job: 1, event })).code).toBe('INVALID_ARGUMENT');
    const good = { type: 'event', job: 1, event: { type: 'segment', segment: scriptedSegment(0) } };
    expect(parseFromEngine(good)).toEqual(good);
  });
});

describe('parsers', () => {
  const parsers = { parseClientMessage, parseDaemonMessage } as const;
  test.each(Object.keys(parsers) as (keyof typeof parsers)[])('%s throws only SottoError', (name) => {
    const types = ['hello', 'transcribe', 'cancel', 'status', 'event', 'final', 'failed', 'error', 'waiting'];
    const near = fc.record(
      { type: fc.constantFrom(...types), id: fc.jsonValue(), path: fc.jsonValue(), event: fc.jsonValue() },
      { requiredKeys: ['type'] },
    );
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      near.map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(text, (input) => {
        try {
          parsers[name](input);
        } catch (error) {
          if (!(error instanceof SottoError)) throw error;
        }
        idOf(input);
      }),
      { numRuns: 5_000 },
    );
  });

  test('of the engine channel throw only SottoError for any cloned value', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        for (const parse of [parseToEngine, parseFromEngine]) {
          try {
            parse(value);
          } catch (error) {
            if (!(error instanceof SottoError)) throw error;
          }
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

test('SOTTO_VERSION is the version of the package', () => {
  const manifest = JSON.parse(readFileSync(`${packageRoot}/package.json`, 'utf8')) as { version: string };
  expect(SOTTO_VERSION).toBe(manifest.version);
});
