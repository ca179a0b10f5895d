/**
 * Dictation of the fake engine: commits one word per second of audio, a checksum of its samples. All of it is certainly English. Like a real engine it
 * decodes at fixed positions, returns checkpoints, and resumes from them. In voice-only sessions every non-zero sample
 * is voice.
 *
 * FAKE_LIVE: `dies-at:N` kills the process when a session has N samples, once per home; `always-dies-at:N` each time;
 * `deaf` never decodes; `zeros` reports all-zero features at the first decode step.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FromEngine, DecodeStep, ToEngine } from '#daemon/protocol/ipc.js';
import { SottoError } from '#daemon/protocol/errors.js';
import {
  BYTES_PER_SAMPLE,
  SAMPLE_RATE,
  VAD_FRAME_SAMPLES,
  VAD_CHUNK_SAMPLES,
} from '#daemon/protocol/live.js';
import { wordFor } from './ramp.js';

const DECODE_INTERVAL_SAMPLES = SAMPLE_RATE / 2;
const WORD_BYTES = SAMPLE_RATE * BYTES_PER_SAMPLE;

type Open = Extract<ToEngine, { type: 'live-open' }>;

const [mode = '', place = '0'] = (process.env.FAKE_LIVE ?? '').split(':');

export class FakeLive {
  readonly #session: number;
  readonly #send: (message: FromEngine) => void;
  /** Audio after the last word. */
  #pending = Buffer.alloc(0);
  #from: number;
  #decodedUntil: number;
  /** Bytes already decoded, which are sent again after a restart. */
  #skip = 0;
  readonly #voiceOnly: boolean;
  readonly #detects: boolean;
  readonly #language: string;

  /** @param language what a model that is not told the language detects */
  constructor(
    { session, fromSample, checkpoint, options, voiceOnly }: Open,
    send: (message: FromEngine) => void,
    language = 'en',
  ) {
    this.#language = language;
    this.#session = session;
    this.#send = send;
    this.#voiceOnly = voiceOnly === true;
    this.#detects = options.language === undefined;
    this.#from = checkpoint?.fromSample ?? 0;
    this.#decodedUntil = typeof checkpoint?.state === 'number' ? checkpoint.state : 0;
    this.#skip = (this.#from - fromSample) * BYTES_PER_SAMPLE;
  }

  get decodedSamples(): number {
    return this.#decodedUntil;
  }

  audio(pcm: Uint8Array): void {
    const skipped = Math.min(this.#skip, pcm.byteLength);
    this.#skip -= skipped;
    this.#pending = Buffer.concat([this.#pending, pcm.subarray(skipped)]);
    if (mode.endsWith('dies-at') && this.#samples >= Number(place)) this.#die();
    if (mode === 'deaf') return;
    if (mode === 'zeros') {
      const error = new SottoError('ENGINE_CRASHED', 'all features are zero');
      this.#send({ type: 'live-failed', session: this.#session, error: error.toWire() });
      return;
    }
    const interval = this.#voiceOnly ? VAD_CHUNK_SAMPLES : DECODE_INTERVAL_SAMPLES;
    while (this.#samples >= this.#decodedUntil + interval) {
      this.#decodedUntil += interval;
      const step = this.#voiceOnly ? this.#voice(this.#decodedUntil) : this.#step(this.#decodedUntil);
      this.#send({ type: 'live-update', session: this.#session, step });
    }
  }

  finish(): void {
    const samples = this.#samples;
    if (this.#voiceOnly) {
      this.#send({ type: 'live-done', session: this.#session, step: this.#voice(samples) });
      return;
    }
    const step = this.#step(samples);
    if (this.#pending.length > 0) step.committed.push(this.#word(this.#pending.length));
    step.tentative = '';
    step.checkpoint = { fromSample: this.#from, state: samples };
    this.#send({ type: 'live-done', session: this.#session, step });
  }

  get #samples(): number {
    return this.#from + this.#pending.length / BYTES_PER_SAMPLE;
  }

  /** The step up to a sample: whole seconds become words. */
  #step(samples: number): DecodeStep {
    const committed: DecodeStep['committed'] = [];
    while (samples - this.#from >= SAMPLE_RATE) committed.push(this.#word(WORD_BYTES));
    return {
      committed,
      tentative: samples > this.#from ? ' …' : '',
      language: this.#language,
      ...(this.#detects &&
        samples > 0 && {
          evidence: { language: this.#language, probability: 0.9, seconds: samples / SAMPLE_RATE },
        }),
      decodedSamples: samples,
      intervalSeconds: 0.5,
      checkpoint: { fromSample: this.#from, state: samples },
    };
  }

  /** Voice per whole frame up to a sample. */
  #voice(samples: number): DecodeStep {
    const voice: number[] = [];
    while (samples - this.#from >= VAD_FRAME_SAMPLES) {
      const frame = this.#pending.subarray(0, VAD_FRAME_SAMPLES * BYTES_PER_SAMPLE);
      this.#pending = this.#pending.subarray(frame.length);
      this.#from += VAD_FRAME_SAMPLES;
      voice.push(frame.some((byte) => byte !== 0) ? 1 : 0);
    }
    return {
      committed: [],
      tentative: '',
      decodedSamples: samples,
      intervalSeconds: VAD_CHUNK_SAMPLES / SAMPLE_RATE,
      checkpoint: { fromSample: this.#from, state: samples },
      voice,
    };
  }

  #word(bytes: number): DecodeStep['committed'][number] {
    const pcm = this.#pending.subarray(0, bytes);
    this.#pending = this.#pending.subarray(bytes);
    const start = this.#from / SAMPLE_RATE;
    this.#from += pcm.length / BYTES_PER_SAMPLE;
    return { start, end: this.#from / SAMPLE_RATE, word: ` ${wordFor(pcm)}`, probability: 1 };
  }

  #die(): void {
    const mark = join(process.env.SOTTO_HOME ?? '/tmp', 'has-died');
    if (mode === 'dies-at' && existsSync(mark)) return;
    writeFileSync(mark, '');
    process.kill(process.pid, 'SIGKILL');
  }
}
