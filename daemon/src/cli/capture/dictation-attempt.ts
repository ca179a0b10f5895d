/**
 * One session of the daemon that writes a take down: it is given all of the take's sound from the first sample on, as far as
 * it takes it, and tells what it makes of it. A take has another one after a switch of language or model.
 */
import { sleep } from '../../async.js';
import type { Dictation, DictationEvent } from '../../client/index.js';
import type { Capture } from '../../protocol/capture.js';
import { SottoError } from '../../protocol/errors.js';
import { SAMPLE_RATE } from '../../protocol/live.js';
import type { DisplayText } from '../../sessions/vocabulary/apply-replacements.js';
import type { LocalRecording } from './local-recording.js';
import { defined } from '../../protocol/defined.js';

/** More than so much is not given to a daemon that does not take it: it waits in the file. */
const MAX_UNACKNOWLEDGED_SAMPLES = 30 * SAMPLE_RATE;
const PUSH_SAMPLES = SAMPLE_RATE;
const POLL_INTERVAL_MS = 50;
/** A disk that can't be read now may be in a moment: for a second. */
const MAX_FAILED_READS = 20;

/** What a session knows about a take. */
type AttemptState = Pick<
  Capture,
  | 'id'
  | 'requested'
  | 'model'
  | 'fallbackFor'
  | 'language'
  | 'committed'
  | 'tentative'
  | 'speaking'
  | 'engine'
  | 'daemon'
>;

export interface DictationAttemptDeps {
  readonly recording: LocalRecording;
  readonly requested: Capture['requested'];
  readonly dictation: Pick<
    Dictation,
    'id' | 'acknowledgedSamples' | 'push' | 'finish' | 'cancel' | 'untilUnacknowledged' | 'events'
  > & { leave(): void };
  /** As the vocabulary writes it: the daemon does so with the text that it delivers. What is committed must only grow. */
  readonly shown: (text: DisplayText) => DisplayText;
  /** Told after `said` has changed by it. */
  readonly onEvent: (event: DictationEvent, session: DictationAttempt) => void;
}

export class DictationAttempt {
  readonly #deps: DictationAttemptDeps;
  #state: AttemptState;
  /** As the daemon says it. */
  #decoded: DisplayText = { committed: '', tentative: '' };
  /** The first sample that was not given to it. */
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
      committed: '',
      tentative: '',
      speaking: false,
      daemon: 'connecting',
    };
    void this.#read();
    this.pushAudio();
  }

  get state(): AttemptState {
    return this.#state;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Samples that the daemon has on its disk. */
  get taken(): number {
    return this.#deps.dictation.acknowledgedSamples;
  }

  /** There is more sound. */
  pushAudio(): void {
    const { recording, dictation } = this.#deps;
    if (this.#isPushPaused || this.#isOver) return;
    while (this.#next < recording.samples) {
      if (this.#next - this.taken > MAX_UNACKNOWLEDGED_SAMPLES) {
        void this.#untilAcknowledged();
        return;
      }
      try {
        const samples = recording.read(this.#next, PUSH_SAMPLES);
        dictation.push(samples);
        this.#next += samples.length;
        this.#failedReads = 0;
      } catch (error) {
        // While somebody speaks the next sound is the next try. To finish now would drop what was not read.
        if (this.#isAudioComplete) void this.#retryRead(SottoError.from(error, 'SPOOL_FAILED'));
        return;
      }
    }
    if (this.#isAudioComplete) dictation.finish();
  }

  /** No more sound comes: it is finished as soon as it has all of it. */
  finish(): void {
    this.#isAudioComplete = true;
    this.pushAudio();
  }

  /** Nothing of it is wanted. */
  cancel(): void {
    this.#deps.dictation.cancel();
  }

  /**
   * Settles when the daemon has so many samples on its disk and a model that hears them, or it is over: a damaged model is
   * taken for a good one until it is loaded.
   */
  async untilDecoding(samples: number): Promise<void> {
    while (!this.#isOver && (this.taken < samples || !this.#isDecoding)) {
      await sleep(POLL_INTERVAL_MS);
    }
  }

  get #isDecoding(): boolean {
    const { engine, committed, tentative } = this.#state;
    return engine === 'listening' || committed + tentative !== '';
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
      // The daemon writes down what it was given: that is in the history at once, all of it when the sound is recovered.
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
      case 'opened': {
        const { model, fallbackFor } = event;
        this.#change({ daemon: 'connected', model, ...defined({ fallbackFor }) });
        return;
      }
      case 'connection':
        this.#change({ daemon: event.state === 'lost' ? 'lost' : 'connected' });
        return;
      case 'state':
        this.#change({ engine: event.state });
        return;
      case 'language':
        this.#change({ language: event.language });
        return;
      case 'committed':
        this.#write({ ...this.#decoded, committed: this.#decoded.committed + event.text });
        return;
      case 'tentative':
        this.#write({ ...this.#decoded, tentative: event.text });
        return;
      case 'voice':
        this.#change({ speaking: event.speaking });
        return;
      case 'final':
        this.#write({ ...this.#decoded, tentative: '' });
        if (event.language !== undefined) this.#change({ language: event.language });
        this.#isOver = true;
        return;
      case 'cancelled':
      case 'failed':
        this.#isOver = true;
        return;
      case 'warning':
      case 'level':
      case 'decode-interval':
        return;
    }
  }

  #write(decoded: DisplayText): void {
    this.#decoded = decoded;
    this.#change(this.#deps.shown(decoded));
  }

  #change(change: Partial<AttemptState>): void {
    this.#state = { ...this.#state, ...change };
  }
}
