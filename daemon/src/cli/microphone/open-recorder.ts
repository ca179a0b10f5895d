/**
 * Opens a microphone at the one rate that all of Sotto hears. The library converts whatever the device has to 16 kHz mono, and
 * can't be asked for another rate: so nothing here resamples, and one that says otherwise is refused before a sample is read.
 */
import { messageOf, SottoError } from '../../protocol/errors.js';
import { SAMPLE_RATE } from '../../protocol/live.js';
import { chooseDevice, chooseOrDefault } from './choose-device.js';
import type { Listen } from './messages.js';

/** 32 ms: what the meter moves by, and the longest time in which the process that reads hears nothing else. */
const FRAME_SAMPLES = 512;
/** Five seconds: for a command that is kept from reading. */
const BUFFERED_FRAMES = 160;

const CHOOSE_ANOTHER = 'choose another microphone: `sotto dictate --list-devices` names them';

/** What is used of pvrecorder. */
export interface Recorder {
  readonly sampleRate: number;
  start(): void;
  /** Waits for a frame. @throws where none has come for a second */
  readSync(): Int16Array;
  stop(): void;
  release(): void;
  getSelectedDevice(): string;
}

export interface RecorderLibrary {
  new (frameSamples: number, device: number, bufferedFrames: number): Recorder;
  getAvailableDevices(): string[];
}

export interface OpenRecorder {
  readonly recorder: Recorder;
  readonly name: string;
  /** The device that was wanted, and is not connected. */
  readonly insteadOf?: string;
}

/** @throws SottoError MIC_UNAVAILABLE: there is none, or not that one; it can't be opened; it gives another rate */
export function openRecorder(library: RecorderLibrary, { device: wanted, orDefault }: Listen): OpenRecorder {
  // Only where one was named: to ask for all of them takes time, in which nothing is heard.
  const names = wanted === undefined ? [] : devicesOf(library);
  const chosen: ReturnType<typeof chooseOrDefault> = orDefault
    ? chooseOrDefault(names, wanted)
    : { device: chooseDevice(names, wanted) };
  const recorder = start(library, chosen.device);
  const { insteadOf } = chosen;
  return {
    recorder,
    name: nameOf(recorder) ?? 'the microphone',
    ...(insteadOf !== undefined && { insteadOf }),
  };
}

export function devicesOf(library: RecorderLibrary): string[] {
  try {
    return library.getAvailableDevices().map((name) => name || 'unnamed');
  } catch {
    return [];
  }
}

function start(library: RecorderLibrary, device: number): Recorder {
  let recorder: Recorder;
  try {
    recorder = new library(FRAME_SAMPLES, device, BUFFERED_FRAMES);
    checkRate(recorder);
    recorder.start();
    return recorder;
  } catch (error) {
    if (error instanceof SottoError) throw error;
    const isNone = devicesOf(library).length === 0;
    const reason = isNone ? 'none is connected' : messageOf(error).replace(/^PvRecorder /, 'it ');
    throw new SottoError('MIC_UNAVAILABLE', `the microphone can't be opened: ${reason}`, {
      cause: error,
      ...(!isNone && { hint: `is it connected, and held by no other program? Then ${CHOOSE_ANOTHER}` }),
    });
  }
}

/** Sound of another rate would be text of nobody's: too slow, too deep, and without an error. */
function checkRate(recorder: Recorder): void {
  const { sampleRate } = recorder;
  if (sampleRate === SAMPLE_RATE) return;
  recorder.release();
  const message = `the microphone gives ${sampleRate} samples a second where ${SAMPLE_RATE} are needed`;
  throw new SottoError('MIC_UNAVAILABLE', message, { hint: CHOOSE_ANOTHER });
}

function nameOf(recorder: Recorder): string | undefined {
  try {
    return recorder.getSelectedDevice() || undefined;
  } catch {
    return undefined;
  }
}
