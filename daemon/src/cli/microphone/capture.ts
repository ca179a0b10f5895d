/**
 * Entry of the process that holds the microphone: `capture listen JSON`, `capture wait` (until it is told to listen) or
 * `capture list`. A child of the command, so that the system grants it what it grants the command's terminal; and a process
 * of its own, because reading blocks its thread, and what a sound system does to a program happens here.
 */
import type { PvRecorder } from '@picovoice/pvrecorder-node';
import { messageOf, SottoError } from '../../protocol/errors.js';
import * as v from 'valibot';
import { chooseDevice, chooseOrDefault } from './choose-device.js';
import { listenSchema, STOP, type CaptureMessage, type Listen } from './messages.js';

/** 32 ms of 16 kHz: what the meter moves by, and the longest time in which nothing else here is heard. */
const FRAME_SAMPLES = 512;
/** Five seconds: for a command that is kept from reading. */
const BUFFERED_FRAMES = 160;

type Recorder = typeof PvRecorder;

let stopped = false;

async function send(message: CaptureMessage): Promise<void> {
  if (!process.connected) return;
  await new Promise<void>((sent) => process.send?.(message, undefined, {}, () => sent()));
}

/** @throws SottoError MIC_UNAVAILABLE: the library has nothing for this system */
async function load(): Promise<Recorder> {
  try {
    return (await import('@picovoice/pvrecorder-node')).PvRecorder;
  } catch (error) {
    throw new SottoError('MIC_UNAVAILABLE', `the microphone can't be used here: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function devicesOf(recorder: Recorder): string[] {
  try {
    return recorder.getAvailableDevices().map((name) => name || 'unnamed');
  } catch {
    return [];
  }
}

async function listen({ device: wanted, orDefault }: Listen): Promise<void> {
  const Recorder = await load();
  // Only where one was named: to ask for all of them takes time, in which nothing is heard.
  const names = wanted === undefined ? [] : devicesOf(Recorder);
  const chosen: ReturnType<typeof chooseOrDefault> = orDefault
    ? chooseOrDefault(names, wanted)
    : { device: chooseDevice(names, wanted) };
  let recorder: InstanceType<Recorder>;
  try {
    recorder = new Recorder(FRAME_SAMPLES, chosen.device, BUFFERED_FRAMES);
    recorder.start();
  } catch (error) {
    const isNone = devicesOf(Recorder).length === 0;
    const reason = isNone ? 'none is connected' : messageOf(error).replace(/^PvRecorder /, 'it ');
    throw new SottoError('MIC_UNAVAILABLE', `the microphone can't be opened: ${reason}`, { cause: error });
  }
  const { insteadOf } = chosen;
  await send({
    type: 'opened',
    name: nameOf(recorder) ?? 'the microphone',
    ...(insteadOf !== undefined && { insteadOf }),
  });
  while (!stopped) {
    // Messages are heard between two frames.
    await new Promise((resolve) => setImmediate(resolve));
    try {
      const { buffer, byteOffset, byteLength } = recorder.readSync();
      process.stdout.write(new Uint8Array(buffer, byteOffset, byteLength));
    } catch {
      // Nothing came for a second: it may again, and the command knows how long it waits.
    }
  }
  recorder.stop();
  recorder.release();
}

function nameOf(recorder: InstanceType<Recorder>): string | undefined {
  try {
    return recorder.getSelectedDevice() || undefined;
  } catch {
    return undefined;
  }
}

// Ctrl-C in a terminal goes to every process of the group; the command in front decides.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(0));
process.stdout.on('error', () => process.exit(0));
let told: (listen: Listen) => void = () => undefined;
process.on('message', (message) => {
  if (message === STOP) stopped = true;
  else told(v.parse(listenSchema, message));
});
const [what, given] = process.argv.slice(2);

/** All is loaded, and the microphone closed, until somebody needs it. */
async function wait(): Promise<void> {
  const toListen = new Promise<Listen>((resolve) => (told = resolve));
  await load().catch(() => undefined);
  await listen(await toListen);
}

async function list(): Promise<void> {
  const recorder = await load();
  await send({ type: 'devices', names: devicesOf(recorder) });
}

const work =
  what === 'list'
    ? list()
    : what === 'wait'
      ? wait()
      : listen(v.parse(listenSchema, JSON.parse(given ?? '{"type":"listen","orDefault":false}')));
work
  .catch((error: unknown) => send({ type: 'failed', error: SottoError.from(error).toWire() }))
  .finally(() => process.stdout.write('', () => process.exit(0)));
