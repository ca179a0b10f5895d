/** The user's vocabulary in a running daemon: read, changed, and used by dictations and files. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Dictation, SottoClient, type DictationEvent } from '#daemon/client/index.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { LiveOptions } from '#daemon/protocol/live.js';
import type { VocabularyRequest } from '#daemon/protocol/vocabulary.js';
import { writeFakeAudio } from '#test/harness/fake-audio.js';
import { withHome } from '#test/harness/with-home.js';
import { ramp, rampText, SECOND, wordFor } from '#test/harness/ramp.js';
import { sotto } from '#test/harness/run-sotto.js';

const home = withHome();
let client: SottoClient;

beforeEach(async () => {
  await sotto(['daemon', 'start'], { home: home.folder });
  client = await SottoClient.connect(home.paths.socket, 'test');
});
afterEach(() => client.close());

const kept = (): unknown => JSON.parse(readFileSync(home.paths.vocabulary, 'utf8'));

async function dictate(seconds: number, options: LiveOptions = {}): Promise<DictationEvent[]> {
  const dictation = Dictation.open({
    connect: () => SottoClient.connect(home.paths.socket, 'test'),
    options,
  });
  dictation.push(ramp(0, seconds * SECOND));
  dictation.finish();
  const events: DictationEvent[] = [];
  for await (const event of dictation.events()) events.push(event);
  return events;
}

async function transcribe(options: object = {}): Promise<string> {
  const path = writeFakeAudio(join(home.folder, 'talk.json'), { segments: 3 });
  let text = '';
  for await (const event of client.transcribe(path, options)) {
    if (event.type === 'segment') text += event.segment.text;
  }
  return text;
}

describe('the vocabulary over the socket', () => {
  test('is empty at first; words and replacements are added, changed and removed', async () => {
    expect((await client.vocabulary.get()).vocabulary).toEqual({ words: [], replacements: [] });
    const { change, revision } = await client.vocabulary.add({
      words: ['Nguyen', 'ComfyUI'],
      replacements: [{ from: 'sean', to: 'Shaun' }],
    });
    expect(change).toEqual({ added: 3, changed: 0, removed: 0 });
    const after = await client.vocabulary.remove({ words: ['nguyen'], replacements: ['Sean'] });
    expect([after.change.removed, after.vocabulary]).toEqual([2, { words: ['ComfyUI'], replacements: [] }]);
    await expect(client.vocabulary.set({ words: [], replacements: [] }, revision)).rejects.toMatchObject({
      code: 'VOCABULARY_CHANGED',
    });
    await client.vocabulary.set({ words: ['Hopper'], replacements: [] }, after.revision);
    expect(kept()).toMatchObject({ words: ['Hopper'] });
  });

  test('is imported from a file’s text and exported, as much as fits into a message', async () => {
    await client.vocabulary.add({ words: ['old'] });
    const many = Array.from({ length: 900 }, (_, i) => `word${i},Wörd ${i}`).join('\n');
    const { change } = await client.vocabulary.import(many, { replace: true });
    expect(change).toEqual({ added: 900, changed: 0, removed: 1 });
    const csv = await client.vocabulary.export('csv');
    expect(csv).toContain('replacement,word899,Wörd 899\r\n');
    expect((await client.vocabulary.import(csv)).change).toEqual({ added: 0, changed: 0, removed: 0 });
    await expect(
      Promise.resolve().then(() => client.vocabulary.import('ü'.repeat(200_000))),
    ).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('refuses invalid requests, and the connection stays open', async () => {
    for (const request of [
      { do: 'add', words: [''] },
      { do: 'set', vocabulary: { words: [], replacements: [] } },
      { do: 'remove', words: ['x'.repeat(200)] },
      { do: 'shout' },
    ]) {
      await expect(send(request as VocabularyRequest)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    expect((await client.vocabulary.get()).vocabulary.words).toEqual([]);
  });

  test('a corrupt one is reported, left unchanged, and fails no dictation', async () => {
    writeFileSync(home.paths.vocabulary, '{');
    await expect(client.vocabulary.get()).rejects.toMatchObject({ code: 'VOCABULARY_CORRUPT' });
    await expect(client.vocabulary.add({ words: ['x'] })).rejects.toMatchObject({
      code: 'VOCABULARY_CORRUPT',
    });
    expect(readFileSync(home.paths.vocabulary, 'utf8')).toBe('{');
    const events = await dictate(2);
    expect(events.at(-1)).toMatchObject({ type: 'final', text: rampText(2 * SECOND) });
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'warning',
        error: expect.objectContaining({ code: 'VOCABULARY_CORRUPT' }) as unknown,
      }),
    );
    expect(await transcribe()).toContain('segment 2');
  });

  /** As a client that validates nothing. */
  function send(request: VocabularyRequest): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const line = client.channel('any', {
        receive: (message) => {
          line.close();
          if (message.type === 'error') reject(SottoError.fromWire(message.error));
          else resolve(message);
        },
        lost: reject,
      });
      line.send({ type: 'vocabulary', id: 'any', request });
    });
  }
});

describe('replacements', () => {
  const FIRST = wordFor(new Uint8Array(ramp(0, SECOND).buffer));
  const SECOND_WORD = rampText(2 * SECOND).split(' ')[1] ?? '';

  test('are applied to the final text; committed text stays unchanged', async () => {
    await client.vocabulary.add({ replacements: [{ from: `${FIRST} ${SECOND_WORD}`, to: 'by the way' }] });
    const events = await dictate(3);
    const committed = events.map((event) => (event.type === 'committed' ? event.text : '')).join('');
    expect(committed).toBe(rampText(3 * SECOND));
    const third = rampText(3 * SECOND).split(' ')[2] ?? '';
    const final = events.at(-1);
    expect(final).toMatchObject({ type: 'final', text: `by the way ${third}`, refined: false });
    // The times of the two words that were replaced together.
    expect(final).toMatchObject({
      words: [
        { start: 0, end: 2, word: ' by the way' },
        { start: 2, end: 3, word: ` ${third}` },
      ],
    });
    const history = await client.history({ do: 'list', limit: 1 });
    expect(history.dictations[0]?.text).toBe(`by the way ${third}`);
  });

  test('are those at the end, and none if the client opts out', async () => {
    const dictation = Dictation.open({ connect: () => SottoClient.connect(home.paths.socket, 'test') });
    dictation.push(ramp(0, SECOND));
    await dictation.ready;
    await client.vocabulary.add({ replacements: [{ from: FIRST, to: 'Now' }] });
    dictation.finish();
    let text = '';
    for await (const event of dictation.events()) if (event.type === 'final') text = event.text;
    expect(text).toBe('Now');
    expect((await dictate(1, { vocabulary: false })).at(-1)).toMatchObject({ text: FIRST });
  });

  test('are applied to files too, segment by segment', async () => {
    expect(await transcribe()).toBe(' segment 0 segment 1 segment 2');
    await client.vocabulary.add({
      replacements: [
        { from: 'segment', to: 'part' },
        { from: '0 part', to: 'never' },
      ],
    });
    expect(await transcribe()).toBe(' part 0 part 1 part 2');
    expect(await transcribe({ vocabulary: false })).toBe(' segment 0 segment 1 segment 2');
  });
});
