/**
 * Entry of the process that holds the microphone: `capture listen JSON`, `capture wait` (until it is told to listen) or
 * `capture list`. A child of the command, so that the system grants it what it grants the command's terminal; and a process
 * of its own, because reading blocks its thread, and what a sound system does to a program happens here.
 */
import { messageOf, SottoError } from '../../protocol/errors.js';
import * as v from 'valibot';
import { listenSchema, STOP, type CaptureMessage, type Listen } from './messages.js';
import { devicesOf, openRecorder, type RecorderLibrary } from './open-recorder.js';

let stopped = false;

async function send(message: CaptureMessage): Promise<void> {
  if (!process.connected) return;
  await new Promise<void>((sent) => process.send?.(message, undefined, {}, () => sent()));
}

/** @throws SottoError MIC_UNAVAILABLE: the library has nothing for this system */
async function load(): Promise<RecorderLibrary> {
  try {
    return (await import('@picovoice/pvrecorder-node')).PvRecorder;
  } catch (error) {
    throw new SottoError('MIC_UNAVAILABLE', `the microphone can't be used here: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function listen(asked: Listen): Promise<void> {
  const { recorder, name, insteadOf } = openRecorder(await load(), asked);
  await send({ type: 'opened', name, ...(insteadOf !== undefined && { insteadOf }) });
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
