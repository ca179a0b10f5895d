/**
 * `sotto dictate` as a process, with a daemon and the fake engine: its words show any sample that is lost or moved.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { SottoClient } from '#daemon/client/index.js';
import { isRunning } from '#daemon/is-running.js';
import { isListening } from '#daemon/server/probe.js';
import { rampFile as writeRamp } from '#test/harness/ramp-file.js';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { withHome } from '#test/harness/with-home.js';
import { sotto, startSotto, type SottoProcess, type SottoResult } from '#test/harness/run-sotto.js';
import { scriptedMicrophone, type MicScript } from '#test/harness/scripted-microphone.js';
import { until } from '#test/harness/wait.js';

const home = withHome();

interface Line {
  readonly t: number;
  readonly type: string;
  readonly text?: string;
}

const rampFile = (samples: number, claimed = samples): string => writeRamp(home.folder, samples, claimed);

function dictate(...args: string[]): Promise<SottoResult> {
  return sotto(['dictate', ...args], { home: home.folder });
}

function speak(microphone: MicScript, args: string[] = [], env: Record<string, string> = {}): SottoProcess {
  return startSotto(['dictate', ...args], {
    home: home.folder,
    env: { ...scriptedMicrophone(microphone, home.folder), ...env },
  });
}

function linesOf(stdout: string): Line[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

function textsOf(lines: readonly Line[], type: string): string {
  return lines.map((line) => (line.type === type ? (line.text ?? '') : '')).join('');
}

async function daemonPid(): Promise<number> {
  const client = await SottoClient.connect(home.paths.socket, 'test');
  client.close();
  return client.daemon.pid;
}

describe('sotto dictate --from', () => {
  test('prints the text of a file and nothing else, each sample in its place', async () => {
    const samples = 40 * SECOND + 777;
    expect(await dictate('--from', rampFile(samples), '--fast')).toMatchObject({
      code: 0,
      stdout: `${rampText(samples)}\n`,
      stderr: '',
    });
  });

  test('prints all events with --events, one line each', async () => {
    const { code, stdout } = await dictate('--from', rampFile(2.5 * SECOND), '--events');
    const lines = linesOf(stdout);
    expect(code).toBe(0);
    expect(lines[0]?.type).toBe('opened');
    expect(lines.at(-1)).toMatchObject({ type: 'final', text: rampText(2.5 * SECOND), refined: false });
    expect(textsOf(lines, 'committed')).toBe(rampText(2.5 * SECOND));
    const times = lines.map(({ t }) => t);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.every((t) => Number.isInteger(t) && t >= 0)).toBe(true);
  });

  test('writes the text with --output, and replaces an existing file only with --overwrite', async () => {
    const output = join(home.folder, 'note.txt');
    writeFileSync(output, 'old');
    const args = ['--from', rampFile(SECOND), '--fast', '--output', output];
    const refused = await dictate(...args);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('note.txt exists, and Sotto did not write it');
    expect(readFileSync(output, 'utf8')).toBe('old');
    const result = await dictate(...args, '--overwrite');
    expect(result).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(readFileSync(output, 'utf8')).toBe(`${rampText(SECOND)}\n`);
  });

  test('continues with the next daemon when the current one is killed', async () => {
    const work = startSotto(['dictate', '--from', rampFile(4 * SECOND), '--events'], { home: home.folder });
    await until(() => work.stdout().includes('"committed"'));
    const pid = await daemonPid();
    process.kill(pid, 'SIGKILL');
    const { code, stdout, stderr } = await work.done;
    const lines = linesOf(stdout);
    expect(lines.at(-1)).toMatchObject({ type: 'final', text: rampText(4 * SECOND) });
    expect(textsOf(lines, 'committed')).toBe(rampText(4 * SECOND));
    expect([code, await daemonPid()]).not.toEqual([0, pid]);
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining('reconnecting to the daemon; keep talking, nothing is lost'),
    ]);
  });

  test('prints the text of a truncated file, and reports that it is', async () => {
    const { code, stdout, stderr } = await dictate('--from', rampFile(2 * SECOND, 3 * SECOND), '--fast');
    expect([code, stdout]).toEqual([1, `${rampText(2 * SECOND)}\n`]);
    expect(stderr).toMatch(/^sotto: .*ramp\.wav.* — .*\n$/);
  });

  test.each([
    [['--from', 'missing.wav'], 1, /file not found/],
    [['--from', fileURLToPath(import.meta.url)], 1, /not a supported audio file/],
    [['--from', 'a.wav', '--output', '/nowhere/at/all/note.txt'], 1, /there is no folder/],
    [['--from', 'a.wav', '--device', '1'], 2, /--device can’t be combined with --from/],
    [['--fast'], 2, /--fast requires --from FILE/],
  ])('%j ends at once with the reason', async (args, code, reason) => {
    const result = await dictate(...args);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toMatch(reason);
    expect(result.stderr).toMatch(/^sotto: [^\n]*\n$/);
  });

  test('reports a missing model', async () => {
    const result = await dictate('--from', rampFile(SECOND), '--model', 'missing');
    expect(result).toMatchObject({ code: 3, stdout: '' });
    expect(result.stderr).toMatch(/^sotto: .*missing/);
  });
});

describe('sotto dictate', () => {
  test('Ctrl-C finishes it, and prints the text so far', async () => {
    const work = speak({ samples: 3 * SECOND, pauseMs: 1 }, ['--events']);
    await until(() => textsOf(linesOf(work.stdout()), 'committed').length >= rampText(3 * SECOND).length);
    work.kill('SIGINT');
    const { code, stdout, stderr } = await work.done;
    expect([code, linesOf(stdout).at(-1)?.text]).toEqual([0, rampText(3 * SECOND)]);
    expect(stderr).toBe('sotto: listening to Built-in Microphone; Ctrl-C finishes\n');
  });

  test('a second Ctrl-C exits at once, and the daemon keeps the text', async () => {
    const work = speak({ samples: 3 * SECOND, pauseMs: 1 }, ['--events']);
    await until(() => textsOf(linesOf(work.stdout()), 'committed').length >= rampText(3 * SECOND).length);
    // The daemon does not answer while it is suspended.
    const pid = await daemonPid();
    process.kill(pid, 'SIGSTOP');
    try {
      work.kill('SIGINT');
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(isRunning(work.pid)).toBe(true);
      // Two signals before it has handled the first one count as one.
      const again = setInterval(() => work.kill('SIGINT'), 200);
      const { code } = await work.done.finally(() => clearInterval(again));
      expect(code).toBe(130);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const kept = async () => (await sotto(['history', 'list'], { home: home.folder })).stdout;
    await until(async () => (await kept()).includes(rampText(3 * SECOND).slice(0, 8)));
  });

  test('records while a daemon is started, and loses nothing', async () => {
    const work = speak({ samples: SECOND, pauseMs: 0 });
    await until(() => work.stderr().includes('listening'));
    await until(() => isListening(home.paths.socket));
    work.kill('SIGINT');
    expect(await work.done).toMatchObject({ code: 0, stdout: `${rampText(SECOND)}\n` });
  });

  test('prints the text so far when the microphone is lost, and reports it', async () => {
    const work = speak({ samples: 2 * SECOND, lost: true, pauseMs: 0 });
    const { code, stdout, stderr } = await work.done;
    expect([code, stdout]).toEqual([1, `${rampText(2 * SECOND)}\n`]);
    expect(stderr).toMatch(/the microphone was disconnected/);
  });

  test('prints the text so far when the microphone process dies, with its stderr', async () => {
    const work = speak({ samples: 2 * SECOND, dies: true });
    const { code, stdout, stderr } = await work.done;
    expect(code).toBe(1);
    // Audio that it recorded but had not written is lost with it: pieces of a tenth of a second.
    const beginnings = Array.from({ length: 20 }, (_, i) => `${rampText(((i + 1) * SECOND) / 10)}\n`);
    expect(beginnings).toContain(stdout);
    expect(stderr).toMatch(/the microphone was lost .*the sound card is gone/);
  });

  test('reports digital silence, while it lasts and at the end', async () => {
    const work = speak({ samples: 10 * SECOND, silent: true, pauseMs: 0 });
    await until(() => work.stderr().includes('no audio'));
    work.kill('SIGINT');
    const { code, stderr } = await work.done;
    expect(code).toBe(1);
    expect(stderr).toContain('the microphone is silent');
  });

  test('reports why the microphone can’t be opened, and leaves no session behind', async () => {
    expect(await speak({ denied: true }).done).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^sotto: the system denies access to the microphone — .*Privacy/,
      ) as unknown,
    });
  });

  test('Ctrl-C before the microphone is open ends it', async () => {
    const work = speak({ neverOpens: true });
    await until(() => isListening(home.paths.socket));
    work.kill('SIGINT');
    const { code, stdout, stderr } = await work.done;
    expect([code, stdout]).toEqual([130, '']);
    expect(stderr).toBe('sotto: no audio recorded\n');
  });

  test('lists the microphones', async () => {
    expect(await speak({ devices: ['One', 'Two'] }, ['--list-devices']).done).toMatchObject({
      code: 0,
      stdout: '0  One\n1  Two\n',
    });
    expect((await speak({ devices: [] }, ['--list-devices']).done).code).toBe(1);
  });
});
