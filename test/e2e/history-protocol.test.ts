/** Past dictations as clients of a running daemon request them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SottoClient } from '#daemon/client/index.js';
import type { HistoryRequest, HistoryResult } from '#daemon/protocol/history.js';
import { History, type StoredDictation } from '#daemon/store/history/index.js';
import { withHome } from '#test/harness/with-home.js';
import { sotto } from '#test/harness/run-sotto.js';
import { defined } from '#daemon/protocol/defined.js';

const home = withHome();
let client: SottoClient;

const past = (id: string, text: string, hasMore: Partial<StoredDictation> = {}): StoredDictation => ({
  id,
  startedMs: Date.now() - 1000 * Number(id.slice(1)),
  durationSeconds: 2,
  text,
  model: 'fake',
  state: 'final',
  ...hasMore,
});

const MANY = 60;
const LONG = 'word '.repeat(4_000);

beforeEach(async () => {
  mkdirSync(home.paths.recordings, { recursive: true });
  const history = History.open(home.paths.history);
  history.add(
    past('d1', 'The kubernetes cluster is down.', {
      words: [{ word: 'The', start: 0, end: 1, probability: 1 }],
    }),
  );
  history.add(past('d2', 'Nothing was lost.', { state: 'recovered', audio: 'd2.wav' }));
  history.add(past('d3', '', { state: 'failed', errorCode: 'ENGINE_CRASHED', audio: 'd3.wav' }));
  for (let i = 10; i < 10 + MANY; i++) history.add(past(`d${i}`, LONG));
  history.close();
  writeFileSync(join(home.paths.recordings, 'd2.wav'), '');
  await sotto(['daemon', 'start'], { home: home.folder });
  client = await SottoClient.connect(home.paths.socket, 'test');
});
afterEach(() => client.close());

const send = (request: HistoryRequest): Promise<HistoryResult> => client.history(request);
const ids = async (request: HistoryRequest): Promise<string[]> =>
  (await send(request)).dictations.map(({ id }) => id);

describe('past dictations over the socket', () => {
  test('are listed page by page, searched, and read', async () => {
    const first = await send({ do: 'list', limit: 2 });
    expect([first.dictations.map(({ id }) => id), first.hasMore]).toEqual([['d1', 'd2'], true]);
    const before = first.dictations.at(-1)?.startedMs ?? 0;
    expect(await ids({ do: 'list', limit: 1, before })).toEqual(['d3']);
    expect(await ids({ do: 'list', limit: 5, state: 'failed' })).toEqual(['d3']);
    const [found] = (await send({ do: 'search', query: 'KUBER', limit: 5 })).dictations;
    expect(found).toMatchObject({ id: 'd1', marks: [{ start: 4, end: 14 }] });
    const [read] = (await send({ do: 'get', id: 'd1' })).dictations;
    expect(read?.words).toHaveLength(1);
  });

  test('a recovered one is like any other once it was read; its audio is sent as a path', async () => {
    const [unread] = (await send({ do: 'list', limit: 1, state: 'recovered' })).dictations;
    expect(unread).toMatchObject({ id: 'd2', audio: join(home.paths.recordings, 'd2.wav') });
    await send({ do: 'get', id: 'd2' });
    expect(await ids({ do: 'list', limit: 1, state: 'recovered' })).toEqual([]);
  });

  test('are deleted and restored together', async () => {
    expect(await ids({ do: 'delete', ids: ['d1', 'd3', 'none'] })).toEqual(['d1', 'd3']);
    expect(await ids({ do: 'list', limit: 2 })).toEqual(['d2', 'd10']);
    expect((await ids({ do: 'undo' })).sort()).toEqual(['d1', 'd3']);
    expect(await ids({ do: 'list', limit: 2 })).toEqual(['d1', 'd2']);
  });

  test('are restored by id', async () => {
    await send({ do: 'delete', ids: ['d1', 'd2'] });
    await send({ do: 'delete', ids: ['d3'] });
    expect(await ids({ do: 'undo', ids: ['d1', 'none'] })).toEqual(['d1']);
    expect(await ids({ do: 'list', limit: 2 })).toEqual(['d1', 'd10']);
  });

  test('are listed page by page, by state', async () => {
    const request = { do: 'search', query: 'word', limit: 1 } as const;
    const first = await send(request);
    expect([first.dictations.map(({ id }) => id), first.hasMore]).toEqual([['d10'], true]);
    const before = first.dictations.at(-1)?.startedMs ?? 0;
    expect(await ids({ ...request, before })).toEqual(['d11']);
    expect(await ids({ ...request, state: 'recovered' })).toEqual([]);
    expect(await ids({ ...request, query: 'lost', state: 'recovered' })).toEqual(['d2']);
  });

  test('are kept as long as requested: the settings change, and older ones are deleted at once', async () => {
    expect(await send({ do: 'keep' })).toMatchObject({ retention: { days: 30, audio: false } });
    const back = History.open(home.paths.history);
    back.add(past('old', 'Long ago.', { startedMs: Date.now() - 8 * 24 * 3600 * 1000 }));
    back.close();
    expect(await send({ do: 'keep', days: 7 })).toMatchObject({ retention: { days: 7, audio: false } });
    await expect(send({ do: 'get', id: 'old' })).rejects.toMatchObject({ code: 'DICTATION_NOT_FOUND' });
    expect(await ids({ do: 'list', limit: 1 })).toEqual(['d1']);
    expect(await send({ do: 'keep', audio: true })).toMatchObject({ retention: { days: 7, audio: true } });
    expect(JSON.parse(readFileSync(home.paths.settings, 'utf8'))).toEqual({
      model: 'fake',
      history: { keepDays: 7, keepAudio: true },
    });
  });

  test('invalid settings are reported, and left unchanged', async () => {
    writeFileSync(home.paths.settings, '{"history": 7}');
    await expect(send({ do: 'keep', days: 1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(readFileSync(home.paths.settings, 'utf8')).toBe('{"history": 7}');
    expect(await ids({ do: 'list', limit: 1 })).toEqual(['d1']);
  });

  test('get the text of a new transcription', async () => {
    const request = { do: 'set-text', id: 'd3', text: 'At last.', model: 'better', language: 'en' } as const;
    expect((await send(request)).dictations).toMatchObject([
      { id: 'd3', text: 'At last.', state: 'final', model: 'better' },
    ]);
    await expect(send({ ...request, id: 'none' })).rejects.toMatchObject({ code: 'DICTATION_NOT_FOUND' });
    await expect(send({ do: 'get', id: 'none' })).rejects.toMatchObject({ code: 'DICTATION_NOT_FOUND' });
  });

  test('a response never exceeds the client’s limit: the rest is on the next page', async () => {
    const seen: string[] = [];
    let before: number | undefined;
    for (let hasMore = true; hasMore;) {
      const page = await send({ do: 'list', limit: 200, ...defined({ before }) });
      expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(600_000);
      seen.push(...page.dictations.map(({ id }) => id));
      before = page.dictations.at(-1)?.startedMs;
      hasMore = page.hasMore;
    }
    expect(seen).toHaveLength(MANY + 3);
    expect(new Set(seen).size).toBe(MANY + 3);
  });

  test('invalid requests are refused, and the connection stays open', async () => {
    for (const request of [
      { do: 'list', limit: 0 },
      { do: 'list', limit: 1e9 },
      { do: 'get', id: '../../etc' },
      { do: 'delete', ids: [] },
      { do: 'keep', days: -1 },
      { do: 'keep', days: 1e9 },
      { do: 'shout' },
    ]) {
      await expect(send(request as HistoryRequest)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    expect(await ids({ do: 'list', limit: 1 })).toEqual(['d1']);
  });
});
