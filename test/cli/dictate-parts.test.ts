import { chmodSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkFlags } from '#daemon/cli/dictate-command.js';
import { clipboardCommand, copyText } from '#daemon/cli/dictate/clipboard.js';
import { Deliverer } from '#daemon/cli/dictate/deliver.js';
import { LevelMeter } from '#daemon/capture/level-meter.js';
import { stateLine, type DictateState } from '#daemon/cli/dictate/state-line.js';
import { chooseDevice, DEFAULT_DEVICE } from '#daemon/capture/microphone/choose-device.js';
import { columnsOf } from '#daemon/cli/terminal/columns.js';
import { styleFor } from '#daemon/cli/terminal/style.js';
import { main } from '#daemon/cli/main.js';
import { TextFlow } from '#daemon/cli/terminal/text-flow.js';
import { resolvePaths, type Paths } from '#daemon/paths.js';
import { captureOutput } from '#test/harness/capture-output.js';

let folder: string;
const paths = (): Paths => resolvePaths({ SOTTO_HOME: join(folder, 'home') });
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'so-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const words = fc.array(
  fc.tuple(
    fc.string({ unit: fc.constantFrom('a', 'b', '語', 'é', '-', ' '), maxLength: 14 }),
    fc.constantFrom('', ' ', '  ', '\n'),
  ),
  { maxLength: 30 },
);
const joined = (parts: readonly (readonly [string, string])[]): string =>
  parts.map(([word, gap]) => gap + word).join('');
const squeezed = (text: string): string => text.replace(/\s+/g, '');

describe('flowing text', () => {
  test('is complete, in lines that fit, for any chunks and changes of width', () => {
    fc.assert(
      fc.property(
        words,
        words,
        fc.array(fc.integer({ min: 8, max: 40 }), { minLength: 1 }),
        (committed, tail, widths) => {
          const flow = new TextFlow();
          let shown = '';
          committed.forEach((part, index) => {
            shown += joined([part]);
            flow.append(joined([part]));
            flow.setTentative(joined(tail));
            const columns = widths[index % widths.length] ?? 8;
            const lines = flow.lines(columns, 1_000);
            for (const line of lines) {
              expect(columnsOf(`${line.committed}${line.tentative}`.trimEnd())).toBeLessThanOrEqual(columns);
            }
            expect(squeezed(lines.map((line) => line.committed).join(' '))).toBe(squeezed(shown));
            expect(squeezed(lines.map((line) => line.tentative).join(' '))).toBe(squeezed(joined(tail)));
          });
        },
      ),
    );
  });

  test('breaks between words, keeps the newest lines, and shows tentative text after committed text', () => {
    const flow = new TextFlow();
    flow.append(' And so my fellow');
    flow.append(' Americans ask not');
    flow.setTentative(' what your');
    expect(flow.lines(20, 10)).toEqual([
      { committed: 'And so my fellow', tentative: '' },
      { committed: 'Americans ask not', tentative: '' },
      { committed: '', tentative: 'what your' },
    ]);
    expect(flow.lines(24, 2)).toEqual([
      { committed: 'Americans ask not', tentative: ' what' },
      { committed: '', tentative: 'your' },
    ]);
    flow.append(' what your country');
    expect(flow.lines(24, 1)).toEqual([{ committed: 'your country', tentative: '' }]);
  });

  test('contains no control characters', () => {
    const flow = new TextFlow();
    flow.append('a\u001b[2Jb\u0007\r\nc');
    expect(flow.lines(40, 5)).toEqual([{ committed: 'a [2Jb c', tentative: '' }]);
  });
});

describe('levels', () => {
  test('shows the newest level on the right', () => {
    const levels = new LevelMeter();
    expect(levels.meter()).toBe('▁'.repeat(14));
    levels.push(Int16Array.from({ length: 1_280 }, (_, i) => 16_000 * Math.sin(i)));
    levels.push(Int16Array.from({ length: 1_280 }, (_, i) => 700 * Math.sin(i)));
    expect(levels.meter()).toMatch(/^▁{12}[▇█][▃▄▅]$/u);
    expect(levels.seconds).toBe(0.16);
  });

  test('tells digital silence from a quiet room once it has lasted', () => {
    const levels = new LevelMeter();
    for (let i = 0; i < 79; i++) levels.push(new Int16Array(1_600));
    expect(levels.noSignalSeconds).toBe(0);
    levels.push(new Int16Array(1_600));
    expect([levels.noSignalSeconds, levels.isSilent]).toEqual([8, true]);
    levels.push(Int16Array.from([0, 3, 0]));
    expect([levels.noSignalSeconds, levels.isSilent]).toEqual([0, false]);
    for (let i = 0; i < 100; i++)
      levels.push(Int16Array.from({ length: 1_600 }, (_, n) => (n % 50 === 0 ? 2 : 0)));
    expect(levels.noSignalSeconds).toBe(0);
  });
});

describe('the state line', () => {
  const plain = styleFor(false);
  const listening: DictateState = {
    isLive: true,
    name: 'Built-in Microphone',
    source: 'open',
    daemon: 'connected',
    engine: 'listening',
    speaking: true,
    seconds: 7.4,
    totalSeconds: undefined,
    noSignalSeconds: 0,
    meter: '▁▂▃▄▅▆▇▁▂▃▄▅▆▇',
    decodeIntervalSeconds: 0.5,
    keys: true,
    elapsedMs: 7_500,
    finishingMs: 0,
  };
  const states: [string, Partial<DictateState>][] = [
    ['listening', {}],
    ['Enter finishes, Esc discards', {}],
    ['Ctrl-C finishes', { keys: false }],
    ['opening the microphone…', { source: 'opening' }],
    ['starting the daemon… Keep talking, nothing is lost', { daemon: 'starting' }],
    ['loading the model… Keep talking', { engine: 'waiting' }],
    ['restarting the speech engine… Keep talking', { engine: 'restarting' }],
    ['reconnecting… Keep talking', { daemon: 'lost' }],
    ['no audio for 9 s (muted?', { noSignalSeconds: 9.2 }],
    ['finishing…', { source: 'over', engine: 'finishing' }],
    ['Ctrl-C to finish in the background', { source: 'over', engine: 'finishing', finishingMs: 4_000 }],
    ['text every 2 s', { decodeIntervalSeconds: 2 }],
    ['0:07 / 0:11', { isLive: false, totalSeconds: 11 }],
  ];

  test.each(states)('shows “%s” for %j', (expected, change) => {
    expect(stateLine({ ...listening, ...change }, 110, plain)).toContain(expected);
  });

  test('fits any width, and shows the state rather than the meter', () => {
    for (const [, change] of states) {
      for (let columns = 19; columns < 120; columns++) {
        expect(columnsOf(stateLine({ ...listening, ...change }, columns, plain))).toBeLessThanOrEqual(
          columns,
        );
      }
    }
    expect(stateLine(listening, 24, plain)).toBe('● 0:07  listening');
  });
});

describe('the clipboard', () => {
  const fakes = (...names: string[]): string => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    for (const name of names) {
      writeFileSync(join(bin, name), `#!/bin/sh\ncat > ${join(folder, name)}.txt\n`);
      chmodSync(join(bin, name), 0o755);
    }
    return bin;
  };

  test.each([
    ['darwin', {}, 'pbcopy'],
    ['linux', { WAYLAND_DISPLAY: 'wayland-0', DISPLAY: ':0' }, 'wl-copy'],
    ['linux', { DISPLAY: ':0' }, 'xclip'],
    ['linux', {}, 'clip.exe'],
  ])('on %s with %j is written by %s', (platform, env, command) => {
    const PATH = fakes('pbcopy', 'wl-copy', 'xclip', 'xsel', 'clip.exe');
    expect(clipboardCommand({ ...env, PATH }, platform).command).toBe(command);
  });

  test('reports before the dictation that there is no command for it', () => {
    expect(() => clipboardCommand({ DISPLAY: ':0', PATH: folder }, 'linux')).toThrow(
      'no clipboard tool found',
    );
  });

  test('gets the exact text', async () => {
    const command = join(fakes('xclip'), 'xclip');
    await copyText('“Grüße” 語\nzwei', { command, args: [] });
    expect(readFileSync(join(folder, 'xclip.txt'), 'utf8')).toBe('“Grüße” 語\nzwei');
    await expect(copyText('x', { command: join(folder, 'missing'), args: [] })).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
    });
  });
});

describe('the text', () => {
  test('replaces its own file as a whole, and isn’t printed then', async () => {
    const output = join(folder, 'note.txt');
    const before = await Deliverer.prepare({ output }, paths());
    await before.deliver('earlier and longer text');
    const deliverer = await Deliverer.prepare({ output }, paths());
    expect(await deliverer.deliver('And so')).toMatchObject({ failures: [], print: false });
    expect(readFileSync(output, 'utf8')).toBe('And so\n');
  });

  test('never replaces a file of the user: refused before the dictation, or printed if the file appeared meanwhile', async () => {
    const output = join(folder, 'note.txt');
    const early = await Deliverer.prepare({ output }, paths());
    writeFileSync(output, 'mine');
    await expect(Deliverer.prepare({ output }, paths())).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
    expect(await early.deliver('And so')).toMatchObject({
      failures: [{ code: 'OUTPUT_EXISTS' }],
      print: true,
    });
    expect(readFileSync(output, 'utf8')).toBe('mine');
    const forced = await Deliverer.prepare({ output, overwrite: true }, paths());
    expect(await forced.deliver('And so')).toMatchObject({ failures: [], print: false });
    expect(readFileSync(output, 'utf8')).toBe('And so\n');
  });

  test('is printed if its file can’t be written any more', async () => {
    const deliverer = await Deliverer.prepare({ output: join(folder, 'sub', '..', 'note.txt') }, paths());
    rmSync(folder, { recursive: true });
    expect(await deliverer.deliver('And so')).toMatchObject({
      failures: [{ code: 'OUTPUT_FAILED' }],
      print: true,
    });
  });

  test.each([['missing/note.txt'], ['.']])('refuses %s before the dictation', async (name) => {
    await expect(Deliverer.prepare({ output: join(folder, name) }, paths())).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
    });
  });
});

describe('a microphone', () => {
  const names = ['MacBook Pro Microphone', 'USB Audio', 'USB Audio Pro'];

  test.each([
    [undefined, DEFAULT_DEVICE],
    ['1', 1],
    ['macbook', 0],
    ['usb audio', 1],
    ['PRO mic', 0],
  ])('named %p is number %p', (wanted, index) => {
    expect(chooseDevice(names, wanted)).toBe(index);
  });

  test.each([['usb'], ['7'], ['AirPods'], ['']])(
    'named %p does not exist, and the hint lists those that do',
    (wanted) => {
      expect(() => chooseDevice(names, wanted)).toThrow(
        expect.objectContaining({
          code: 'MIC_UNAVAILABLE',
          hint: expect.stringContaining('1 USB Audio') as unknown,
        }),
      );
    },
  );
});

describe('flags', () => {
  const written = captureOutput();

  test('are in the help, with examples', async () => {
    expect(await main(['dictate', '--help-all'])).toBe(0);
    for (const word of ['--from', '--events', '--copy', '--no-refine', '--list-devices', 'Examples:']) {
      expect(written.stdout).toContain(word);
    }
  });

  test.each([[['--language', '!']], [['--fast']], [['a.wav']], [['--nonsense']]])(
    '%j is a usage error',
    async (args) => {
      expect(await main(['dictate', ...args])).toBe(2);
      expect(written.stderr).toMatch(/^sotto: /);
    },
  );

  test.each([
    [{ fast: true as const }],
    [{ from: 'a.wav', device: '1' }],
    [{ from: 'a.wav', listDevices: true as const }],
  ])('%j conflict', (flags) => {
    expect(() => checkFlags(flags)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  test('others work', () => {
    checkFlags({});
    checkFlags({ from: 'a.wav', fast: true, events: true, copy: true, output: 'x', refine: false });
  });
});
