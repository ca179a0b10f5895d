/**
 * A microphone's process that hears what FAKE_MIC says (JSON): the ramp, silence, nothing. It speaks as the real one does.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { SottoError } from '#daemon/protocol/errors.js';
import { ramp } from './ramp.js';

const PIECE = 1_600;

const script = z
  .object({
    devices: z.array(z.string()).default(['Built-in Microphone']),
    /** Opens only when it is told to stop. */
    neverOpens: z.boolean().default(false),
    /** Can't be opened. */
    denied: z.boolean().default(false),
    /** Samples of the ramp, or of digital silence; nothing comes after them. */
    samples: z.number().default(16_000),
    silent: z.boolean().default(false),
    /** Speech in place of the ramp: a file of 16-bit samples at 16 kHz, mono. Where it ends, silence. */
    speech: z.string().optional(),
    /** Between two pieces of a tenth of a second. */
    pauseMs: z.number().default(5),
    /** Dies after its samples. */
    dies: z.boolean().default(false),
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

function send(message: object): void {
  if (process.connected) process.send?.(message);
}

async function listen(): Promise<void> {
  if (script.denied) {
    send({ type: 'failed', error: new SottoError('MIC_DENIED', 'it is not allowed').toWire() });
    process.exit(0);
  }
  if (!script.neverOpens) send({ type: 'opened', name: script.devices[0] ?? '' });
  for (let at = 0; at < script.samples && !script.neverOpens; at += PIECE) {
    const end = Math.min(script.samples, at + PIECE);
    process.stdout.write(new Uint8Array(heard(at, end).buffer));
    await new Promise((resolve) => setTimeout(resolve, script.pauseMs));
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
process.on('message', () => (stopped = !script.deaf));
if (process.argv[2] === 'list') {
  send({ type: 'devices', names: script.devices });
  process.disconnect();
} else void listen();
