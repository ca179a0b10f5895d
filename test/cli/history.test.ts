import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { main } from '#daemon/cli/main.js';
import { deleteDictations, type DeletionPrompt } from '#daemon/cli/history/delete-dictations.js';
import { comparisonStart, retranscribe } from '#daemon/cli/history/retranscribe.js';
import { table, whenText } from '#daemon/cli/history/history-table.js';
import { plainTranscribeView } from '#daemon/cli/transcribe/transcribe-plain-view.js';
import { columnsOf } from '#daemon/cli/terminal/columns.js';
import { styleFor } from '#daemon/cli/terminal/style.js';
import type { Transcriber } from '#daemon/batch/transcriber.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { JobEvent } from '#daemon/protocol/messages.js';
import { History, type StoredDictation } from '#daemon/store/history/index.js';
import { scriptedSegment } from '#test/harness/fake-audio.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { captureOutput } from '#test/harness/capture-output.js';

let home: TempHome;
let before: string | undefined;
beforeEach(() => {
  home = tempHome();
  before = process.env.SOTTO_HOME;
  process.env.SOTTO_HOME = home.folder;
});
afterEach(() => {
  if (before === undefined) delete process.env.SOTTO_HOME;
  else process.env.SOTTO_HOME = before;
  home.remove();
});

const written = captureOutput();

const HOUR_MS = 3600 * 1000;

function dictationOf(id: string, fields: Partial<StoredDictation> = {}): StoredDictation {
  return {
    id,
    startedMs: Date.now() - HOUR_MS,
    durationSeconds: 7,
    text: `text of ${id}`,
    model: 'base',
    state: 'final',
    ...fields,
  };
}

function keep(...dictations: StoredDictation[]): void {
  using((history) => dictations.forEach((dictation) => history.add(dictation)));
}

function using<T>(work: (history: History) => T): T {
  const history = History.open(home.paths.history);
  try {
    return work(history);
  } finally {
    history.close();
  }
}

function kept(): string[] {
  return using((history) => history.list({ limit: 100 }).map(({ id }) => id));
}

function recording(name: string): string {
  mkdirSync(home.paths.recordings, { recursive: true });
  const path = join(home.paths.recordings, name);
  writeFileSync(path, '');
  return path;
}

function jsonLines(): Record<string, unknown>[] {
  const lines = written.stdout.trim().split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('sotto history', () => {
  test.each([
    [['history', 'sing']],
    [['history', 'list', '--limit', '0']],
    [['history', 'search']],
    [['history', 'delete']],
    [['history', 'delete', 'a', '--all']],
    [['history', 'delete', '--all']],
    [['history', 'retranscribe']],
    [['history', 'retranscribe', 'a', '--language', '7']],
  ])('wrong usage %j exits with 2 and deletes nothing', async (args) => {
    keep(dictationOf('a'));
    expect(await main(args)).toBe(2);
    expect(written.stderr).toMatch(/^sotto: /);
    expect(kept()).toEqual(['a']);
  });

  test.each(['', 'list', 'show', 'search', 'delete', 'undo', 'retranscribe'])(
    'history %s --help prints help with an example',
    async (command) => {
      expect(await main(['history', command, '--help'].filter((arg) => arg !== ''))).toBe(0);
      expect(written.stdout).toMatch(/Examples?:\n {2}sotto history/);
    },
  );

  test('an empty history prints a hint on stderr', async () => {
    expect(await main(['history'])).toBe(0);
    expect(written.stdout).toBe('');
    expect(written.stderr).toMatch(/No dictations yet\. Make one with `sotto dictate`/);
  });

  test('says if dictations are not kept', async () => {
    writeFileSync(home.paths.settings, JSON.stringify({ history: { keepDays: 0 } }));
    keep(dictationOf('a'));
    expect(await main(['history'])).toBe(0);
    expect(written.stderr).toMatch(/they aren’t kept \(`sotto history keep`\)/);
  });

  test('explains how to undo a deletion', async () => {
    keep(dictationOf('a'));
    expect(await main(['history', 'rm', 'a', '--yes'])).toBe(0);
    written.stderr = '';
    expect(await main(['history'])).toBe(0);
    expect(written.stderr).toBe('No dictations. (Undo the last delete with `sotto history undo`.)\n');
    expect(await main(['history', 'delete', '--all', '--forever', '--yes'])).toBe(0);
    written.stderr = '';
    expect(await main(['history'])).toBe(0);
    expect(written.stderr).toContain('No dictations yet.');
  });

  test('exports Markdown, CSV and JSON, the newest first', async () => {
    keep(
      dictationOf('old', { text: 'quoted "so", and\nmore', startedMs: Date.now() - 2 * HOUR_MS }),
      dictationOf('new'),
    );
    expect(await main(['history', 'export'])).toBe(0);
    expect(written.stdout).toMatch(
      /^# Dictations\n\n## .*\n\n\*0:07\*\n\ntext of new\n\n## [^]*quoted "so", and\nmore\n$/,
    );
    written.stdout = '';
    expect(await main(['history', 'export', '--format', 'csv'])).toBe(0);
    expect(written.stdout).toMatch(/^started,seconds,state,language,model,text,id\r\n.*text of new,new\r\n/);
    expect(written.stdout).toContain('"quoted ""so"", and\nmore",old\r\n');
    written.stdout = '';
    expect(await main(['history', 'export', '-f', 'json', '--limit', '1'])).toBe(0);
    expect(JSON.parse(written.stdout)).toEqual([expect.objectContaining({ id: 'new', text: 'text of new' })]);
    written.stdout = '';
  });

  test('exports to a new file in the format of its name, never over an existing one', async () => {
    keep(dictationOf('a'));
    const file = join(home.folder, 'all.csv');
    expect(await main(['history', 'export', '--output', file])).toBe(0);
    expect([written.stdout, written.stderr]).toEqual(['', `1 dictation saved to ${file}\n`]);
    expect(readFileSync(file, 'utf8')).toMatch(/^started,seconds/);
    writeFileSync(file, 'mine');
    expect(await main(['history', 'export', '-o', file])).toBe(1);
    expect(written.stderr).toContain(`${file} already exists — choose another name`);
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  test('lists one dictation per line, the newest first', async () => {
    keep(
      dictationOf('aaaaaaaa-1', { text: 'first\nline\u001b[31m', startedMs: Date.now() - 2 * HOUR_MS }),
      dictationOf('bbbbbbbb-1', { state: 'failed', text: '', errorCode: 'ENGINE_CRASHED', audio: 'b.wav' }),
      dictationOf('aaaaaaaa-2', { state: 'recovered', startedMs: Date.now() - 3 * HOUR_MS }),
    );
    expect(await main(['history'])).toBe(0);
    const lines = written.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(
      /^bbbbbbbb .* 0:07 +failed +\(not transcribed: ENGINE_CRASHED; its audio was saved\)$/,
    );
    expect(lines[1]).toMatch(/^aaaaaaaa-1 .* first line \[31m$/);
    expect(lines[2]).toMatch(/^aaaaaaaa-2 .* recovered +text of/);
  });

  test('--json prints one object per line with absolute paths', async () => {
    keep(dictationOf('a', { audio: 'a.wav', startedMs: Date.now() - HOUR_MS }), dictationOf('b'));
    expect(await main(['history', 'list', '--json', '--limit', '1'])).toBe(0);
    expect(jsonLines()).toMatchObject([{ id: 'b', state: 'final', text: 'text of b' }]);
    written.stdout = '';
    expect(await main(['history', 'show', 'a', '--json'])).toBe(0);
    const [shown] = jsonLines();
    expect(shown).toMatchObject({ id: 'a', audio: join(home.paths.recordings, 'a.wav') });
    expect(new Date(String(shown?.started)).getTime()).toBe(shown?.startedMs);
  });

  test('show prints the text of the last dictation or of an id prefix', async () => {
    keep(
      dictationOf('abc-1', { startedMs: Date.now() - 2 * HOUR_MS, text: ' spoken words ' }),
      dictationOf('abd-1'),
    );
    expect(await main(['history', 'show'])).toBe(0);
    expect(await main(['history', 'show', 'abc'])).toBe(0);
    expect(written).toEqual({ stdout: 'text of abd-1\nspoken words\n', stderr: '' });
  });

  test('an unknown or ambiguous id exits with 1 and a hint', async () => {
    keep(dictationOf('abc-1'), dictationOf('abc-2'));
    expect(await main(['history', 'show', 'x'])).toBe(1);
    expect(written.stderr).toMatch(/no dictation id starts with "x" — `sotto history list`/);
    written.stderr = '';
    expect(await main(['history', 'delete', 'abc', '--yes'])).toBe(1);
    expect(written.stderr).toMatch(/several.*abc-1, abc-2/);
    expect(kept()).toHaveLength(2);
  });

  test('showing a recovered dictation removes its mark', async () => {
    keep(dictationOf('a', { state: 'recovered' }));
    await main(['history', 'show']);
    expect(using((history) => history.get('a')?.state)).toBe('final');
  });

  test('search finds words, and reports no match', async () => {
    keep(dictationOf('a', { text: 'Das Büro öffnet' }), dictationOf('b', { text: 'not such a thing' }));
    expect(await main(['history', 'search', 'off', 'BURO'])).toBe(0);
    expect(written.stdout).toBe('');
    expect(written.stderr).toMatch(/no dictation contains all/);
    expect(await main(['history', 'search', 'BURO', 'off'])).toBe(0);
    expect(written.stdout).toMatch(/^a .*Das Büro öffnet\n$/);
    written.stdout = '';
    expect(await main(['history', 'search', '--json', '"NOT', '--', '-such', 'thing)'])).toBe(0);
    expect(jsonLines()).toMatchObject([{ id: 'b', snippet: 'not such a thing' }]);
  });

  test('deletes expired dictations with their audio before listing', async () => {
    const path = recording('a.wav');
    keep(dictationOf('a', { startedMs: Date.now() - 31 * 24 * HOUR_MS, audio: 'a.wav' }), dictationOf('b'));
    expect(await main(['history'])).toBe(0);
    expect(written.stdout).toMatch(/^b /);
    expect(existsSync(path)).toBe(true);
    expect(await main(['history', 'undo'])).toBe(0);
    expect(using((history) => history.get('a')?.audio)).toBe('a.wav');
  });

  test('reports broken settings before deleting anything', async () => {
    writeFileSync(home.paths.settings, '{"history": {"keepDays": "7"}}');
    keep(dictationOf('a', { startedMs: 0 }));
    expect(await main(['history'])).toBe(2);
    expect(written.stderr).toMatch(/history\.keepDays/);
    expect(kept()).toEqual(['a']);
  });

  test('reports a damaged history and continues', async () => {
    writeFileSync(home.paths.history, 'no database '.repeat(1000));
    expect(await main(['history'])).toBe(0);
    expect(written.stderr).toMatch(/history\.db was damaged; 0 of its dictations.*kept as/);
  });
});

describe('sotto history delete', () => {
  const answers =
    (questions: string[], answer: boolean | undefined): DeletionPrompt =>
    (question) => {
      questions.push(question);
      return Promise.resolve(answer);
    };

  test('deletes dictations, their audio a day later, and undo restores both', async () => {
    const path = recording('a.wav');
    keep(dictationOf('a', { audio: 'a.wav' }), dictationOf('b'), dictationOf('c'));
    expect(await main(['history', 'delete', 'a', 'b'])).toBe(0);
    expect(written.stderr).toMatch(/deleted 2 dictations.*sotto history undo/);
    expect(kept()).toEqual(['c']);
    expect(existsSync(path)).toBe(true);
    expect(await main(['history', 'undo'])).toBe(0);
    expect(kept()).toHaveLength(3);
    expect(await main(['history', 'undo'])).toBe(1);
  });

  test('--forever deletes the audio, too, without undo', async () => {
    const path = recording('a.wav');
    keep(dictationOf('a', { audio: 'a.wav' }));
    expect(await main(['history', 'delete', 'a', '--forever'])).toBe(2);
    expect(await main(['history', 'delete', 'a', '--forever', '--yes'])).toBe(0);
    expect(existsSync(path)).toBe(false);
    expect(await main(['history', 'undo'])).toBe(1);
  });

  test('--all --forever empties the trash too', async () => {
    const path = recording('a.wav');
    keep(dictationOf('a', { audio: 'a.wav' }));
    await main(['history', 'delete', 'a']);
    expect(await main(['history', 'delete', '--all', '--forever', '--yes'])).toBe(0);
    expect(existsSync(path)).toBe(false);
    expect(await main(['history', 'undo'])).toBe(1);
  });

  test.each([
    [true, 0, 0],
    [false, 0, 2],
    [undefined, 130, 2],
  ])('a confirmation answered with %s exits with %i and leaves %i', async (answer, code, left) => {
    keep(dictationOf('a'), dictationOf('b'));
    const questions: string[] = [];
    expect(
      await deleteDictations(home.paths, { yes: false, forever: false }, answers(questions, answer)),
    ).toBe(code);
    expect(questions).toEqual(['Delete these 2 dictations? [y/N] ']);
    expect(written.stdout).toMatch(/text of a/);
    expect(kept()).toHaveLength(left);
  });

  test('asks nothing with --yes or if there is nothing to delete', async () => {
    const questions: string[] = [];
    expect(await deleteDictations(home.paths, { yes: false, forever: false }, answers(questions, true))).toBe(
      0,
    );
    keep(dictationOf('a'));
    expect(
      await deleteDictations(home.paths, { ids: ['a'], yes: true, forever: false }, answers(questions, true)),
    ).toBe(0);
    expect(questions).toEqual([]);
    expect(kept()).toEqual([]);
  });
});

describe('sotto history retranscribe', () => {
  const questions: { path: string; model: string | undefined; language: string | undefined }[] = [];
  beforeEach(() => void questions.splice(0));

  /** Returns the given segments, or fails. */
  function hearing(texts: readonly string[] | SottoError): Transcriber {
    return {
      close: () => Promise.resolve(),
      async *transcribe(path, options, { model }): AsyncGenerator<JobEvent, void> {
        questions.push({ path, model, language: options.language });
        await Promise.resolve();
        if (texts instanceof SottoError) throw texts;
        for (const [i, text] of texts.entries())
          yield { type: 'segment', id: 1, seq: i + 1, segment: { ...scriptedSegment(i), text } } as JobEvent;
        const timings = { load: 0, mel: 0, encode: 0, decode: 0, total: 0 };
        const summary = {
          language: 'de',
          durationSeconds: 7,
          timings,
          model: 'large',
          segments: texts.length,
        };
        yield { type: 'final', id: 1, seq: texts.length + 1, summary } as JobEvent;
      },
    };
  }

  function run(id: string, transcriber: Transcriber, signal = new AbortController().signal): Promise<number> {
    return retranscribe(
      home.paths,
      { id, model: 'large', language: 'de', daemon: true },
      { transcriber, view: plainTranscribeView(), signal },
    );
  }

  test('replaces the text and shows both', async () => {
    keep(
      dictationOf('abc', { audio: 'abc.wav', state: 'failed', errorCode: 'ENGINE_CRASHED', text: 'half of' }),
    );
    expect(await run('ab', hearing([' all', ' of it']))).toBe(0);
    expect(questions).toEqual([
      { path: join(home.paths.recordings, 'abc.wav'), model: 'large', language: 'de' },
    ]);
    expect(written.stdout).toBe('before  half of\nafter   all of it\n');
    const { startedMs, durationSeconds } = dictationOf('abc');
    expect(using((history) => history.get('abc'))).toEqual({
      id: 'abc',
      startedMs: expect.closeTo(startedMs, -4) as unknown,
      durationSeconds,
      text: 'all of it',
      language: 'de',
      model: 'large',
      state: 'final',
      audio: 'abc.wav',
    });
  });

  test.each([
    ['short one', 'short two', 80, 0],
    ['one two three four five six seven', 'one two three four five six eight', Infinity, 0],
    ['one two three four five six seven', 'one two three four five six eight', 30, 14],
    ['再会しました再会しました', '再会しました再会しまし', 10, 0],
  ])('%j and %j in %d columns are shown from %i on', (was, is, columns, from) => {
    expect(comparisonStart(was, is, columns)).toBe(from);
  });

  test('reports an unchanged text, and keeps the text if no speech is detected', async () => {
    keep(dictationOf('a', { audio: 'a.wav', text: 'the same' }));
    expect(await run('a', hearing([' the same']))).toBe(0);
    expect(written.stderr).toMatch(/the text is unchanged/);
    expect(await run('a', hearing([]))).toBe(0);
    expect(written.stderr).toMatch(/no speech detected: kept the text/);
    expect(using((history) => history.get('a')?.text)).toBe('the same');
    expect(written.stdout).toBe('');
  });

  test('fails without audio and explains how to keep it', async () => {
    keep(dictationOf('a'));
    await expect(run('a', hearing([]))).rejects.toMatchObject({
      code: 'AUDIO_NOT_FOUND',
      hint: expect.stringContaining('history keep --audio') as unknown,
    });
    expect(await run('b', hearing([]))).toBe(1);
    expect(questions).toEqual([]);
  });

  test('keeps the text after a failure or Ctrl-C', async () => {
    keep(dictationOf('a', { audio: 'a.wav' }));
    await expect(run('a', hearing(new SottoError('ENGINE_CRASHED', 'gone')))).rejects.toMatchObject({
      code: 'ENGINE_CRASHED',
    });
    const cancelled = hearing(new SottoError('CANCELLED', 'interrupted'));
    expect(await run('a', cancelled, AbortSignal.abort())).toBe(130);
    expect(using((history) => history.get('a')?.text)).toBe('text of a');
  });
});

describe('the table of past dictations', () => {
  const nowMs = new Date(2026, 5, 15, 12, 0).getTime();
  const at = (...[month, day, hour = 9, minute = 5, year = 2026]: number[]): number =>
    new Date(year ?? 2026, month ?? 0, day, hour, minute).getTime();

  test.each([
    [at(5, 15), 'today 09:05'],
    [at(5, 15, 23, 59), 'today 23:59'],
    [at(5, 14, 23, 59), 'yesterday 23:59'],
    [at(5, 13), 'Sat 09:05'],
    [at(5, 9), 'Tue 09:05'],
    [at(5, 8), '8 Jun 09:05'],
    [at(0, 1), '1 Jan 09:05'],
    [at(11, 31, 9, 5, 2025), '31 Dec 2025'],
    [at(5, 16), '16 Jun 09:05'],
  ])('%i is %s', (ms, text) => {
    expect(whenText(ms, nowMs)).toBe(text);
  });

  const rows = [
    {
      dictation: dictationOf('a', { text: '再会しました。'.repeat(20), startedMs: nowMs }),
      shortId: 'aaaaaaaa',
    },
    {
      dictation: dictationOf('b', { text: 'long '.repeat(50), startedMs: at(5, 14), state: 'recovered' }),
      shortId: 'b',
    },
    { dictation: dictationOf('c', { text: '', startedMs: at(5, 14), durationSeconds: 4000 }), shortId: 'c' },
    {
      dictation: dictationOf('d', { startedMs: nowMs }),
      shortId: 'd',
      text: '…found a needle in it',
      marks: [{ start: 9, end: 15 }],
    },
  ];

  test.each([80, 120, 200])('fits into %i columns and aligns them', (columns) => {
    const lines = table(rows, { columns, style: styleFor(false), nowMs })
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(rows.length);
    for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(columns);
    expect(lines[0]).toMatch(/^aaaaaaaa {2}today 12:00 {9}0:07 {13}再会/);
    expect(lines[1]).toMatch(/^b {9}yesterday 09:05 {5}0:07 {2}recovered {2}long/);
    expect(lines[2]).toMatch(/^c {9}yesterday 09:05 {2}1:06:40 {13}\(no speech detected\)$/);
  });

  test('omits durations on narrow terminals', () => {
    const lines = table(rows, { columns: 60, style: styleFor(false), nowMs })
      .trimEnd()
      .split('\n');
    for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(60);
    expect(lines[1]).toMatch(/^b {9}yesterday 09:05 {2}recovered {2}long long long lon.*…$/);
  });

  test('colors failed dictations and highlights search hits', () => {
    const lines = table(rows, { style: styleFor(true), nowMs }).split('\n');
    expect(lines[1]).toContain('\u001b[36mrecovered\u001b[39m');
    expect(lines[3]).toContain('…found a \u001b[1mneedle\u001b[22m in it');
    const failed = { dictation: dictationOf('e', { state: 'failed' }), shortId: 'e' };
    expect(table([failed], { style: styleFor(true), nowMs })).toContain('\u001b[31mfailed\u001b[39m');
  });

  test('cuts a highlight that does not fit', () => {
    const line = table(rows.slice(3), { columns: 28, style: styleFor(true), nowMs });
    expect(line).toMatch(/…found a .*ne.*…\n$/);
    // eslint-disable-next-line no-control-regex -- the codes are what is looked at
    expect(line.match(/\u001b\[(1|22)m/gu)?.slice(-2)).toEqual(['\u001b[1m', '\u001b[22m']);
  });
});
