/** Records a second of the microphone with sotto-mic, as dictations do. */
import { SottoError } from '../../protocol/errors.js';
import { OPEN, STOP, type MicEvent, type MicFailure } from '../../capture/microphone/mic-messages.js';
import { MicProcess } from '../../capture/microphone/mic-process.js';

/** Recorded after the first sample that isn't zero. */
const RECORD_SECONDS = 1;
/** Zeros to wait out: a headset may need this long until it sends audio. */
const MAX_ZEROS_SECONDS = 3;
/** A macOS prompt stays on the screen until the user answers it. */
const MAX_OPEN_MS = 8_000;
const STOP_MS = 500;

export type Recording =
  | {
      readonly type: 'recorded';
      readonly device: string;
      readonly rate: number;
      readonly samples: number;
      readonly openMs: number;
      /** From the first command until the first sample that isn't zero; undefined if all samples are zero. */
      readonly firstAudioMs?: number;
      /** The largest sample, of 32768. */
      readonly peak: number;
    }
  | { readonly type: 'failed'; readonly failure: MicFailure }
  /** Neither open nor denied. */
  | { readonly type: 'hung' };

/** @throws SottoError MIC_UNAVAILABLE if sotto-mic can't be started or exits, CANCELLED */
export function recordSecond(signal: AbortSignal): Promise<Recording> {
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    let opened: { device: string; rate: number; openMs: number } | undefined;
    let [samples, peak] = [0, 0];
    let firstAudioMs: number | undefined;
    const finish = (result: Recording): void => {
      clearTimeout(openTimer);
      signal.removeEventListener('abort', cancel);
      mic.send(STOP);
      mic.end();
      setTimeout(() => mic.kill(), STOP_MS).unref();
      resolve(result);
    };
    const cancel = (): void => {
      mic.kill();
      reject(new SottoError('CANCELLED', 'the recording was interrupted'));
    };
    const mic = new MicProcess({
      event: (event: MicEvent) => {
        if (event.type === 'failed') finish({ type: 'failed', failure: event });
        if (event.type === 'opened') {
          clearTimeout(openTimer);
          opened ??= { device: event.name, rate: event.rate, openMs: performance.now() - startMs };
        }
      },
      audio: (pcm) => {
        if (opened === undefined) return;
        samples += pcm.length;
        for (const sample of pcm) peak = Math.max(peak, Math.abs(sample));
        if (peak > 0) firstAudioMs ??= performance.now() - startMs;
        const seconds = samples / opened.rate;
        if (seconds < (peak > 0 ? RECORD_SECONDS : MAX_ZEROS_SECONDS)) return;
        const sound = firstAudioMs === undefined ? {} : { firstAudioMs };
        finish({ type: 'recorded', ...opened, samples, peak, ...sound });
      },
      exited: (error) => {
        clearTimeout(openTimer);
        reject(error ?? new SottoError('MIC_UNAVAILABLE', 'sotto-mic exited before it recorded'));
      },
    });
    const openTimer = setTimeout(() => {
      finish({ type: 'hung' });
      mic.kill();
    }, MAX_OPEN_MS);
    signal.addEventListener('abort', cancel, { once: true });
    mic.send(OPEN);
  });
}
