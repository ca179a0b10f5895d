import { PassThrough } from 'node:stream';
import type { ReadStream, WriteStream } from 'node:tty';
import { describe, expect, jest, test } from '@jest/globals';
import { listenToKeys } from '#daemon/cli/dictate/terminal-keys.js';
import { LevelMeter } from '#daemon/capture/level-meter.js';
import { terminalDictateView } from '#daemon/cli/dictate/terminal-dictate-view.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { until } from '#test/harness/wait.js';

/** A terminal emulator for the few escape sequences that are used. */
class Screen extends PassThrough {
  readonly isTTY = true;
  readonly columns = 72;
  readonly rows = 12;
  cursorShown = true;
  #lines: string[] = [''];
  #row = 0;

  override write(text: string): boolean {
    // eslint-disable-next-line no-control-regex
    for (const part of text.split(/(\u001b\[[?\d;]*[A-Za-z]|\n|\r)/)) this.#apply(part);
    return true;
  }

  get text(): string {
    return this.#lines.join('\n').trimEnd();
  }

  #apply(part: string): void {
    if (part === '\n') {
      this.#row += 1;
      this.#lines[this.#row] ??= '';
    } else if (part === '\u001b[?25l') this.cursorShown = false;
    else if (part === '\u001b[?25h') this.cursorShown = true;
    else if (part === '\u001b[J') this.#lines = [...this.#lines.slice(0, this.#row), ''];
    // eslint-disable-next-line no-control-regex
    else if (/^\u001b\[\d+A$/.test(part)) this.#row -= Number(part.slice(2, -1));
    else if (!part.startsWith('\u001b') && part !== '\r') {
      this.#lines[this.#row] = `${this.#lines[this.#row] ?? ''}${part}`;
    }
  }
}

function screenAndView(isLive = true) {
  const screen = new Screen();
  return { screen, view: terminalDictateView(screen as unknown as WriteStream, isLive, true) };
}

const word = (text: string) => ({ start: 0, end: 1, word: text, probability: 1 });

describe('a dictation on a terminal', () => {
  test('shows committed and tentative text and the state, and clears all of it at the end', async () => {
    const { screen, view } = screenAndView();
    view.begin(new LevelMeter());
    expect(screen.text).toContain('opening the microphone…');
    expect(screen.cursorShown).toBe(false);
    view.sourceOpened({ name: 'Built-in Microphone' });
    view.startingDaemon();
    await until(() => screen.text.includes('starting the daemon… Keep talking'));
    view.event({ type: 'opened', model: 'base' });
    view.event({ type: 'committed', text: 'And so', words: [word('And so')] });
    view.event({ type: 'tentative', text: ' my fellow' });
    await until(() => screen.text.startsWith('And so my fellow\n\n● 0:00'));
    expect(screen.text).toContain('listening');
    view.event({ type: 'tentative', text: '' });
    view.event({ type: 'connection', state: 'lost' });
    await until(() => screen.text.includes('reconnecting'));
    expect(screen.text).not.toContain('fellow');
    view.event({ type: 'warning', error: new SottoError('SPOOL_FAILED', 'the disk is full').toWire() });
    await until(() => screen.text.startsWith('the disk is full — '));
    view.finishing();
    view.close();
    view.summary(['0:02', '2 words']);
    expect(screen.text).toMatch(/^the disk is full — .*\n0:02 · 2 words$/);
    expect(screen.cursorShown).toBe(true);
  });

  test('shows the newest lines of a long text', async () => {
    const { screen, view } = screenAndView(false);
    view.begin(new LevelMeter());
    view.sourceOpened({ name: 'talk.wav', durationSeconds: 600 });
    for (let n = 0; n < 500; n++) view.event({ type: 'committed', text: ` word${n}`, words: [] });
    await until(() => screen.text.includes('word499'));
    expect(screen.text.split('\n').length).toBeLessThan(12);
    expect(screen.text).toContain('0:00 / 10:00');
    view.failed(new SottoError('DAEMON_LOST', 'the file is missing'));
    expect(screen.text).toMatch(/^sotto: the file is missing — /);
  });
});

describe('keys', () => {
  class Keyboard extends PassThrough {
    readonly isTTY = true;
    raw = false;
    setRawMode(raw: boolean): void {
      this.raw = raw;
    }
  }

  test.each([
    ['\r', 'finish'],
    ['\n', 'finish'],
    ['\u0004', 'finish'],
    ['\u001b', 'discard'],
    ['\u001b[A', ''],
    ['q', ''],
    ['hello\r', ''],
  ])('%j makes %p', async (key, action) => {
    const keyboard = new Keyboard();
    const actions: string[] = [];
    const release = listenToKeys(
      { finish: () => actions.push('finish'), discard: () => actions.push('discard') },
      keyboard as unknown as ReadStream,
    );
    expect(keyboard.raw).toBe(true);
    keyboard.write(key);
    await new Promise((resolve) => setImmediate(resolve));
    expect(actions.join()).toBe(action);
    release();
    expect(keyboard.raw).toBe(false);
  });

  test('Ctrl-C sends SIGINT', async () => {
    const kill = jest.spyOn(process, 'kill').mockReturnValue(true);
    const keyboard = new Keyboard();
    listenToKeys({ finish: () => undefined, discard: () => undefined }, keyboard as unknown as ReadStream);
    keyboard.write('\u0003');
    await new Promise((resolve) => setImmediate(resolve));
    expect(kill).toHaveBeenCalledWith(process.pid, 'SIGINT');
    kill.mockRestore();
  });
});
