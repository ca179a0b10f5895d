/**
 * One session of the daemon that transcribes a dictation. It sends the whole recording, from the first sample on,
 * as fast as the daemon acknowledges it, and tracks the result. A switch of language or model starts another
 * attempt.
 */
import { sleep } from '../async.js';
import type { Dictation, DictationEvent } from '../client/index.js';
import type { Capture } from '../protocol/capture.js';
import { SottoError } from '../protocol/errors.js';
import { SAMPLE_RATE } from '../protocol/live.js';
import type { LocalRecording } from './local-recording.js';

/** More samples than this aren't sent without an acknowledgment: they wait in the file. */
const MAX_UNACKNOWLEDGED_SAMPLES = 30 * SAMPLE_RATE;
const PUSH_SAMPLES = SAMPLE_RATE;
const POLL_INTERVAL_MS = 50;
/** A disk that can't be read may recover: tries for a second. */
const MAX_FAILED_READS = 20;

/** The part of a dictation's state that comes from the session. */
type AttemptState = Pick<Capture, 'id' | 'requested' | 'daemon'>;

export interface DictationAttemptDeps {
  readonly recording: LocalRecording;
  readonly requested: Capture['requested'];
  readonly dictation: Pick<
    Dictation,
    'id' | 'acknowledgedSamples' | 'push' | 'finish' | 'cancel' | 'untilUnacknowledged' | 'events'
  > & { leave(): void };
  /** Called after `state` has changed. */
  readonly onEvent: (event: DictationEvent, session: DictationAttempt) => void;
}

export class DictationAttempt {
  readonly #deps: DictationAttemptDeps;
  #state: AttemptState;
  #hasText = false;
  /** Whether the engine works on the audio. */
  #isListening = false;
  /** The first sample that hasn't been sent. */
  #next = 0;
  #isPushPaused = false;
  #failedReads = 0;
  #isAudioComplete = false;
  #isOver = false;

  constructor(deps: DictationAttemptDeps) {
    this.#deps = deps;
    this.#state = {
      id: deps.dictation.id,
      requested: deps.requested,
      daemon: 'connecting',
    };
    void this.#read();
    this.pushAudio();
  }

  get state(): AttemptState {
    return this.#state;
  }

  /** Whether any text of it is known. */
  get hasText(): boolean {
    return this.#hasText;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Samples that the daemon has on disk. */
  get acknowledgedSamples(): number {
    return this.#deps.dictation.acknowledgedSamples;
  }

  /** Sends what the recording has. */
  pushAudio(): void {
    const { recording, dictation } = this.#deps;
    if (this.#isPushPaused || this.#isOver) return;
    while (this.#next < recording.samples) {
      if (this.#next - this.acknowledgedSamples > MAX_UNACKNOWLEDGED_SAMPLES) {
        void this.#untilAcknowledged();
        return;
      }
      try {
        const samples = recording.read(this.#next, PUSH_SAMPLES);
        dictation.push(samples);
        this.#next += samples.length;
        this.#failedReads = 0;
      } catch (error) {
        // While audio arrives, the next audio triggers the next try. Finishing now would drop the unread part.
        if (this.#isAudioComplete) void this.#retryRead(SottoError.from(error, 'SPOOL_FAILED'));
        return;
      }
    }
    if (this.#isAudioComplete) dictation.finish();
  }

  /** No more audio comes: finishes once everything is sent. */
  finish(): void {
    this.#isAudioComplete = true;
    this.pushAudio();
  }

  cancel(): void {
    this.#deps.dictation.cancel();
  }

  /**
   * Resolves when the daemon has this many samples on disk and a working model, or the attempt is over. A damaged
   * model shows only when it is loaded.
   */
  async untilDecoding(samples: number): Promise<void> {
    while (!this.#isOver && (this.acknowledgedSamples < samples || !this.#isDecoding)) {
      await sleep(POLL_INTERVAL_MS);
    }
  }

  get #isDecoding(): boolean {
    return this.#isListening || this.#hasText;
  }

  async #untilAcknowledged(): Promise<void> {
    this.#isPushPaused = true;
    await this.#deps.dictation.untilUnacknowledged(MAX_UNACKNOWLEDGED_SAMPLES / 2);
    this.#isPushPaused = false;
    this.pushAudio();
  }

  async #retryRead(error: SottoError): Promise<void> {
    this.#failedReads += 1;
    if (this.#failedReads > MAX_FAILED_READS) {
      this.#isOver = true;
      // The daemon transcribes what it received, and adds the rest when the recording is recovered.
      this.#deps.dictation.leave();
      this.#deps.onEvent({ type: 'failed', error: error.toWire() }, this);
      return;
    }
    this.#isPushPaused = true;
    await sleep(POLL_INTERVAL_MS);
    this.#isPushPaused = false;
    this.pushAudio();
  }

  async #read(): Promise<void> {
    for await (const event of this.#deps.dictation.events()) {
      this.#apply(event);
      this.#deps.onEvent(event, this);
    }
  }

  #apply(event: DictationEvent): void {
    switch (event.type) {
      case 'opened':
        this.#change({ daemon: 'connected' });
        return;
      case 'connection':
        this.#change({ daemon: event.state === 'lost' ? 'lost' : 'connected' });
        return;
      case 'state':
        this.#isListening = event.state === 'listening';
        return;
      case 'committed':
      case 'tentative':
        this.#hasText ||= event.text !== '';
        return;
      case 'final':
      case 'cancelled':
      case 'failed':
        this.#isOver = true;
        return;
      case 'language':
      case 'voice':
      case 'warning':
      case 'level':
      case 'decode-interval':
        return;
    }
  }

  #change(change: Partial<AttemptState>): void {
    this.#state = { ...this.#state, ...change };
  }
}
