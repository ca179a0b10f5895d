/**
 * A microphone's process that hears what FAKE_MIC says (JSON): the ramp, silence, nothing. It speaks as the real one does.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { z } from 'zod';
import { listenSchema, type Listen } from '#daemon/cli/microphone/messages.js';
import { openRecorder, type Recorder } from '#daemon/cli/microphone/open-recorder.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { ramp } from './ramp.js';

const PIECE = 1_600;

const script = z
  .object({
    devices: z.array(z.string()).default(['Built-in Microphone']),
    /** Opens only when it is told to stop. */
    neverOpens: z.boolean().default(false),
    /** What the library says that it gives: the real one says 16 kHz of any device. */
    rate: z.number().default(16_000),
    /** The library can't open it, though it is connected. */
    unopenable: z.boolean().default(false),
    /** The system does not allow it. */
    denied: z.boolean().default(false),
    /** Samples of the ramp, or of digital silence; nothing comes after them. */
    samples: z.number().default(16_000),
    silent: z.boolean().default(false),
    /** Speech in place of the ramp: a file of 16-bit samples at 16 kHz, mono. Where it ends, silence. */
    speech: z.string().optional(),
    /** Digital silence in front of it, as a headset gives that is being woken. */
    zeros: z.number().default(0),
    /** Between two pieces of a tenth of a second. */
    pauseMs: z.number().default(5),
    /** Dies after its samples. */
    dies: z.boolean().default(false),
    /** How often it can be opened in this home. */
    lives: z.number().default(Infinity),
    /** Does not hear that it shall stop. */
    deaf: z.boolean().default(false),
  })
  .parse(JSON.parse(process.env.FAKE_MIC ?? '{}'));

const speech = script.speech === undefined ? undefined : readFileSync(script.speech);
let stopped = false;

function heard(from: number, to: number): Int16Array {
  if (script.silent) return new Int16Array(to - from);
  if (speech === undefined) return ramp(from, to);
  const samples = new Int16Array(to - from);
  for (let at = 0; at < samples.length && (from + at) * 2 + 2 <= speech.length; at++) {
    samples[at] = speech.readInt16LE((from + at) * 2);
  }
  return samples;
}

/** As the library of the real one does it, except for the sound. */
class FakeRecorder implements Recorder {
  readonly sampleRate = script.rate;
  readonly #device: number;

  static getAvailableDevices(): string[] {
    return script.devices;
  }

  constructor(_frameSamples: number, device: number) {
    this.#device = device;
  }

  start(): void {
    if (script.unopenable) throw new Error('PvRecorder failed to start.');
  }

  readSync(): Int16Array {
    return new Int16Array();
  }

  stop(): void {
    stopped = true;
  }

  release(): void {
    stopped = true;
  }

  getSelectedDevice(): string {
    return script.devices[Math.max(0, this.#device)] ?? '';
  }
}

function send(message: object): void {
  if (process.connected) process.send?.(message);
}

function refuse(error: SottoError): never {
  send({ type: 'failed', error: error.toWire() });
  process.exit(0);
}

function open(asked: Listen): { name: string; insteadOf?: string } {
  if (script.denied) refuse(new SottoError('MIC_DENIED', 'it is not allowed'));
  if (!isAlive()) refuse(new SottoError('MIC_UNAVAILABLE', 'it is gone'));
  try {
    const { name, insteadOf } = openRecorder(FakeRecorder, asked);
    return { name, ...(insteadOf !== undefined && { insteadOf }) };
  } catch (error) {
    refuse(SottoError.from(error));
  }
}

/** Whether it can be opened once more. */
function isAlive(): boolean {
  if (script.lives === Infinity) return true;
  const counter = join(process.env.SOTTO_HOME ?? '/tmp', 'microphone-lives');
  const lived = existsSync(counter) ? Number(readFileSync(counter, 'utf8')) : 0;
  writeFileSync(counter, String(lived + 1));
  return lived < script.lives;
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, script.pauseMs));
}

async function listen(asked: Listen): Promise<void> {
  const opened = open(asked);
  if (!script.neverOpens) send({ type: 'opened', ...opened });
  for (let at = 0; at < script.zeros; at += PIECE) {
    process.stdout.write(new Uint8Array(2 * Math.min(PIECE, script.zeros - at)));
    await pause();
  }
  for (let at = 0; at < script.samples && !script.neverOpens; at += PIECE) {
    const end = Math.min(script.samples, at + PIECE);
    process.stdout.write(new Uint8Array(heard(at, end).buffer));
    await pause();
  }
  if (script.dies) {
    process.stderr.write('the sound card is gone\n');
    process.exit(3);
  }
  while (!stopped) await new Promise((resolve) => setTimeout(resolve, 5));
  process.exit(0);
}

process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(0));
let told: (asked: Listen) => void = () => undefined;
process.on('message', (message) => {
  if (message === 'stop') stopped = !script.deaf;
  else told(v.parse(listenSchema, message));
});
const [what, given] = process.argv.slice(2);
if (what === 'list') {
  send({ type: 'devices', names: script.devices });
  process.disconnect();
} else if (what === 'wait') told = (asked) => void listen(asked);
else void listen(v.parse(listenSchema, JSON.parse(given ?? '')));
