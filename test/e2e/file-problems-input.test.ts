/** Folders to transcribe, paths that reach the daemon over its socket, a worker's folders and SOTTO_HOME. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SottoClient } from '#daemon/client/index.js';
import { writeFakeAudio } from '#test/harness/fake-audio.js';
import { makeOddPaths, noOtherUser, OTHER_USER, type OddPaths } from '#test/harness/odd-paths.js';
import { ALWAYS_REFUSED, expectLine, expectNoBug, WHY } from '#test/harness/refused-paths.js';
import { sotto, type SottoResult } from '#test/harness/run-sotto.js';
import { testUnless } from '#test/harness/skipping.js';
import { defined } from '#daemon/protocol/defined.js';

const folder = mkdtempSync(join(tmpdir(), 'so-odd-in-'));
let odd: OddPaths;
beforeAll(async () => void (odd = await makeOddPaths(folder)));
afterAll(() => {
  odd.close();
  rmSync(folder, { recursive: true, force: true });
});

function home(uid?: number): string {
  const own = mkdtempSync(join(folder, 'home-'));
  if (uid !== undefined) execFileSync('chown', [String(uid), own]);
  return own;
}

function run(args: readonly string[], uid?: number): Promise<SottoResult> {
  return sotto(args, { home: home(uid), cwd: folder, ...defined({ uid }) });
}

describe('transcribe DIR', () => {
  test('reports the reason for each path, and transcribes the others', async () => {
    const clips = join(folder, 'clips');
    mkdirSync(clips);
    writeFakeAudio(join(clips, 'talk.wav'), { segments: 2 });
    const paths = ALWAYS_REFUSED.map((kind) => odd[kind]);
    const { code, stdout, stderr } = await run([
      ...['transcribe', '--no-daemon', '-r', ...paths, odd.broken, clips, '--summary', '-'],
    ]);
    expectNoBug(stderr);
    for (const kind of ALWAYS_REFUSED) expect(stderr).toContain(WHY[kind]);
    const { results } = JSON.parse(stdout) as {
      results: { file: string; state: string; message?: string }[];
    };
    expect(results.map(({ file, state }) => [file, state]).sort()).toEqual(
      [...[...paths, odd.broken].map((path) => [path, 'failed']), [join(clips, 'talk.wav'), 'done']].sort(),
    );
    expect(code).toBe(1);
  });

  testUnless(noOtherUser)('reports which folder inside it may not be opened', async () => {
    const outer = join(folder, 'outer');
    mkdirSync(join(outer, 'closed'), { recursive: true });
    chmodSync(join(outer, 'closed'), 0o700);
    writeFakeAudio(join(outer, 'talk.wav'), { segments: 2 });
    const args = ['transcribe', '--no-daemon', '-r', outer, '--output-dir'];
    const own = home(OTHER_USER);
    const { code, stderr } = await sotto([...args, join(own, 'texts')], {
      ...{ home: own, cwd: folder, uid: OTHER_USER },
    });
    expectNoBug(stderr);
    expect(stderr).toMatch(/outer\/closed: can't be read: permission denied — /);
    expect(code).toBe(1);
  });
});

describe('files without permission', () => {
  testUnless(noOtherUser)('audio, and the settings', async () => {
    const talk = writeFakeAudio(join(folder, 'private.wav'), { segments: 2 });
    chmodSync(talk, 0o600);
    const own = home(OTHER_USER);
    const as = { home: own, cwd: folder, uid: OTHER_USER };
    const refused = await sotto(['transcribe', '--no-daemon', talk], { ...as, realEngine: true });
    expectLine(refused, 1, talk, WHY.denied);
    expectLine(await sotto(['dictate', '--from', talk, '--fast'], as), 1, talk, WHY.denied);

    const settings = join(own, 'settings.json');
    writeFileSync(settings, '{}', { mode: 0o600 });
    for (const args of [
      ['history', 'list'],
      ['models', 'use', 'whisper-base-6bit'],
    ])
      expectLine(await sotto(args, as), 2, settings, WHY.denied);
  });
});

describe('worker --root', () => {
  const args = (path: string): string[] => ['worker', '--queue', 'redis://127.0.0.1:1', '--root', path];

  test('refuses what is not a folder, and says why', async () => {
    expectLine(await run(args(odd.loop)), 2, odd.loop, WHY.loop);
    for (const path of [odd.long, odd.below, odd.broken, odd.pipe, odd.socket, odd.empty])
      expectLine(await run(args(path)), 2, path, 'is not a folder');
    const translated = `/mnt/share=${odd.loop}`;
    expectLine(await run(args(translated)), 2, odd.loop, WHY.loop);
  });

  testUnless(noOtherUser)('refuses a folder that may not be opened', async () => {
    expectLine(await run(args(join(odd.denied, 'x')), OTHER_USER), 2, join(odd.denied, 'x'), WHY.denied);
  });
});

describe('a path that a program sends over the socket', () => {
  test('gets an error code of its own, and the daemon keeps serving', async () => {
    const own = home();
    const at = { home: own, cwd: folder, realEngine: true };
    expect((await sotto(['daemon', 'start'], at)).code).toBe(0);
    const client = await SottoClient.connect(join(own, 's'), 'test');
    try {
      for (const [path, code] of [
        [odd.loop, 'AUDIO_UNREADABLE'],
        [odd.long, 'AUDIO_NOT_FOUND'],
        [odd.below, 'AUDIO_NOT_FOUND'],
        [odd.broken, 'AUDIO_NOT_FOUND'],
        [odd.folder, 'AUDIO_UNREADABLE'],
        [odd.pipe, 'AUDIO_UNREADABLE'],
        [odd.socket, 'AUDIO_UNREADABLE'],
        [odd.empty, 'AUDIO_EMPTY'],
        ['talk.wav', 'INVALID_ARGUMENT'],
        ['', 'INVALID_ARGUMENT'],
        ['/a\0b', 'INVALID_ARGUMENT'],
        [`/${'d/'.repeat(3000)}x`, 'INVALID_ARGUMENT'],
      ] as const) {
        const events = client.transcribe(path);
        await expect(
          (async () => {
            for await (const event of events) void event;
          })(),
        ).rejects.toMatchObject({ name: 'SottoError', code });
      }
    } finally {
      client.close();
      expect((await sotto(['daemon', 'stop'], at)).code).toBe(0);
    }
  });
});

describe('SOTTO_HOME', () => {
  const COMMANDS: readonly (readonly string[])[] = [
    ['vocabulary', 'add', 'Ada'],
    ['history', 'export'],
    ['daemon', 'status'],
    ['daemon', 'start'],
    ['token', 'show'],
    ['models', 'use', 'whisper-base-6bit'],
    ['doctor'],
  ];
  const CODES = [0, 1, 2, 3];

  test.each(['loop', 'below', 'pipe'] as const)('%s: no command reports a bug', async (kind) => {
    for (const args of COMMANDS) {
      const { code, stderr, stdout } = await sotto(args, { home: odd[kind], cwd: folder });
      expectNoBug(stderr + stdout);
      expect([args, CODES.includes(code ?? -1)]).toEqual([args, true]);
    }
  });

  test('must not be relative', async () => {
    for (const args of COMMANDS.slice(0, 3)) {
      const result = await sotto(args, { home: 'relative', cwd: folder });
      expectLine(result, 2, 'relative', 'SOTTO_HOME is not an absolute path');
    }
  });

  testUnless(noOtherUser)('must be readable', async () => {
    for (const args of COMMANDS) {
      const { code, stderr, stdout } = await sotto(args, { home: odd.denied, cwd: folder, uid: OTHER_USER });
      expectNoBug(stderr + stdout);
      expect([args, CODES.includes(code ?? -1)]).toEqual([args, true]);
    }
  });
});
