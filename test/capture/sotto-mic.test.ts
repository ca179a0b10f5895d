/** sotto-mic with a script instead of devices: its response to bytes on stdin, and a slow reader. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FrameReader } from '#daemon/capture/microphone/mic-frames.js';
import { ramp } from '#test/harness/ramp.js';
import { SCRIPTED_MIC } from '#test/harness/scripted-microphone.js';
import { until } from '#test/harness/wait.js';

let folder = '';
let child: ChildProcessWithoutNullStreams | undefined;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'sotto-mic-'))));
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

type Received = number[] | Record<string, unknown>;

class Mic {
  readonly process: ChildProcessWithoutNullStreams;
  /** Runs of samples, and the events between them. */
  readonly received: Received[] = [];
  ended: { code: number | null } | undefined;

  constructor(...steps: string[]) {
    const env = { ...process.env, SOTTO_MIC_SCRIPT: steps.join('\n') };
    this.process = child = spawn(SCRIPTED_MIC, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.process.on('close', (code) => (this.ended = { code }));
    this.process.stdin.on('error', () => undefined);
  }

  read(): this {
    const frames = new FrameReader();
    this.process.stdout.on('data', (bytes: Buffer) => {
      for (const frame of frames.read(bytes)) {
        const last = this.received.at(-1);
        if (frame.kind === 'event') this.received.push(JSON.parse(frame.json) as Record<string, unknown>);
        else if (Array.isArray(last)) for (const sample of frame.samples) last.push(sample);
        else this.received.push([...frame.samples]);
      }
    });
    return this;
  }

  send(...lines: string[]): void {
    this.process.stdin.write(lines.map((line) => `${line}\n`).join(''));
  }

  get events(): string[] {
    return this.received.map((received) =>
      Array.isArray(received) ? `${received.length}` : String(received.type),
    );
  }
}

describe('sotto-mic', () => {
  test('lists, records, stops, and records again, as often as requested', async () => {
    const mic = new Mic('device A', 'device B', 'pause 0', 'ramp 3000').read();
    mic.send('list', 'open');
    await until(() => mic.events.at(-1) === '3000');
    mic.send('stop', 'open 1');
    await until(() => mic.events.length === 6 && mic.events.at(-1) === '3000');
    mic.send('stop');
    await until(() => mic.events.length === 7);
    expect(mic.received).toEqual([
      {
        type: 'devices',
        devices: [
          { name: 'A', isDefault: true },
          { name: 'B', isDefault: false },
        ],
      },
      { type: 'opened', name: 'A', rate: 16_000 },
      [...ramp(0, 3_000)],
      { type: 'closed' },
      { type: 'opened', name: 'B', rate: 16_000 },
      [...ramp(0, 3_000)],
      { type: 'closed' },
    ]);
  });

  test('drops what a slow reader has no room for, reports how much, and continues at the right place', async () => {
    const [given, reader] = [join(folder, 'given'), join(folder, 'reader')];
    const all = 3_000_000;
    const mic = new Mic(
      'device A',
      'pause 0',
      `ramp ${all}`,
      `mark ${given}`,
      `await ${reader}`,
      'ramp 1600',
    );
    mic.send('open');
    // The device is never blocked: it has delivered everything, although nothing was read.
    await until(() => existsSync(given));
    mic.read();
    await until(() => mic.events.includes('dropped'));
    writeFileSync(reader, '');
    await until(() => mic.events.length === 4 && mic.events.at(-1) === '1600');
    const [, before, gap, after] = mic.received as [unknown, number[], { samples: number }, number[]];
    expect(gap.samples).toBeGreaterThan(0);
    expect(before.length + gap.samples).toBe(all);
    expect(
      Buffer.from(Int16Array.from(before).buffer).equals(Buffer.from(ramp(0, before.length).buffer)),
    ).toBe(true);
    expect(after).toEqual([...ramp(all, all + 1_600)]);
  });

  test('answers every invalid line, of any bytes, and keeps working', async () => {
    const line = fc
      .uint8Array({ maxLength: 300 })
      .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 10)))
      .filter((bytes) => !/^(list|stop|open( \d+)?)$/.test(bytes.toString('latin1')));
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 20 }), async (lines) => {
        const mic = new Mic('device A').read();
        for (const bytes of lines) mic.process.stdin.write(Buffer.concat([bytes, Buffer.from('\n')]));
        mic.send('list');
        await until(() => mic.events.at(-1) === 'devices' || mic.ended !== undefined);
        expect(mic.events).toEqual([...lines.map(() => 'failed'), 'devices']);
        mic.process.stdin.end();
        await until(() => mic.ended !== undefined);
        expect(mic.ended).toEqual({ code: 0 });
      }),
      { numRuns: 10 },
    );
  });

  test.each([
    ['closed', []],
    ['recording', ['open']],
  ])('exits when its stdin ends, the microphone %s', async (_, commands) => {
    const mic = new Mic('device A', 'ramp 1000000').read();
    mic.send(...commands, 'list');
    await until(() => mic.events.includes('devices'));
    mic.process.stdin.end();
    await until(() => mic.ended !== undefined);
    expect(mic.ended).toEqual({ code: 0 });
  });

  test('refuses to open twice, or to open a device that was not listed', async () => {
    const mic = new Mic('device A', 'device B', 'ramp 0').read();
    mic.send('open 1', 'list', 'open 2', 'open', 'open');
    await until(() => mic.events.length === 5);
    expect(mic.events).toEqual(['failed', 'devices', 'failed', 'opened', 'failed']);
  });
});
