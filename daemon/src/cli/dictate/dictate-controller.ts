/** `sotto dictate`: controls a dictation from its audio source to the text. */
import type { Dictation, DictationEvent } from '../../client/index.js';
import { SottoError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-errors.js';
import type { FinalEvent } from '../../protocol/live.js';
import { trace } from '../../trace.js';
import { INTERRUPTED } from '../interrupt.js';
import { clock } from '../../format-duration.js';
import { wrapForStdout } from '../terminal/text-flow.js';
import type { Deliverer } from './deliver.js';
import { LevelMeter } from '../../capture/level-meter.js';
import type { AudioSourceInfo, AudioSource } from '../../capture/audio-source.js';
import type { DictateView } from './dictate-view.js';
import { WakeDetector } from '../../capture/wake-detector.js';

interface DictateDeps {
  readonly source: AudioSource;
  /** Opens the session. Called once the source is open, so that a missing microphone starts no session. */
  readonly open: () => Dictation;
  readonly view: DictateView;
  readonly deliverer: Deliverer;
  /** Called for every event; the text isn't printed then. */
  readonly onEvent?: (event: DictationEvent, dictation: Dictation) => void;
  /** Whether stdout is a terminal, which already shows the text. */
  readonly onTerminal: boolean;
}

export class DictateController {
  readonly #deps: DictateDeps;
  readonly #levels = new LevelMeter();
  #dictation: Dictation | undefined;
  #ending: 'finish' | 'discard' | undefined;
  #isLeft = false;
  #isSaved = false;
  #finishedMs: number | undefined;
  #sourceFailure: SottoError | undefined;

  constructor(deps: DictateDeps) {
    this.#deps = deps;
  }

  finish(): void {
    if (this.#ending !== undefined) return;
    this.#ending = 'finish';
    this.#finishedMs = performance.now();
    this.#deps.view.finishing();
    this.#deps.source.stop();
  }

  discard(): void {
    if (this.#ending === 'discard') return;
    this.#ending = 'discard';
    this.#deps.source.stop();
    this.#dictation?.cancel();
  }

  /** Leaves without waiting for the final text: the daemon finishes the dictation and saves it to history. */
  leave(): void {
    if (this.#dictation === undefined) return;
    this.#isLeft = true;
    this.#deps.source.stop();
    this.#isSaved = this.#dictation.leave();
  }

  get isLeft(): boolean {
    return this.#isLeft;
  }

  get finishing(): boolean {
    return this.#ending !== undefined;
  }

  /** Returns the exit code of the command. */
  async run(): Promise<number> {
    const { source, view } = this.#deps;
    view.begin(this.#levels);
    try {
      const opened = await source.open();
      if (this.#ending !== undefined) return this.#discarded();
      trace('cli', 'source open');
      if (!source.isLive) view.sourceOpened(opened);
      const dictation = this.#deps.open();
      this.#dictation = dictation;
      this.#listen(dictation, opened);
      return await this.#read(dictation);
    } catch (thrown) {
      if (this.#ending !== undefined) return this.#discarded();
      const error = codedError(thrown);
      view.failed(error);
      return error.exitCode;
    } finally {
      source.stop();
      view.close();
    }
  }

  #listen(dictation: Dictation, opened: AudioSourceInfo): void {
    const { source, view } = this.#deps;
    const wakeDetector = new WakeDetector();
    let isAwake = !source.isLive;
    const end = (): void => {
      // A file ends by itself.
      this.finish();
      if (this.#ending === 'finish') dictation.finish();
    };
    source.start({
      pcm: (samples) => {
        this.#levels.push(samples);
        dictation.push(samples);
        if (!isAwake && wakeDetector.push(samples)) {
          isAwake = true;
          view.sourceOpened(opened);
        }
        view.levelsChanged();
      },
      end,
      failed: (error) => {
        this.#sourceFailure = error;
        end();
      },
    });
  }

  async #read(dictation: Dictation): Promise<number> {
    const { view, onEvent } = this.#deps;
    const firstText = once(() => trace('cli', 'first text'));
    for await (const event of dictation.events()) {
      if (event.type === 'committed' || event.type === 'tentative') firstText();
      onEvent?.(event, dictation);
      view.event(event);
      if (event.type === 'final') return this.#deliver(event);
      if (event.type === 'cancelled') return this.#discarded();
      if (event.type === 'failed') {
        const error = SottoError.fromWire(event.error);
        view.failed(error);
        return error.exitCode;
      }
    }
    if (this.#isLeft) return this.#reportDetached();
    throw new SottoError('INTERNAL', 'the dictation ended without a result');
  }

  #reportDetached(): number {
    const { view } = this.#deps;
    view.close();
    view.note(
      this.#isSaved
        ? 'Saved to history: `sotto history show`'
        : 'Nothing was saved: could not reach the daemon',
    );
    return INTERRUPTED;
  }

  #discarded(): number {
    const { view } = this.#deps;
    view.close();
    view.note(this.#ending === 'finish' ? 'no audio recorded' : 'discarded');
    return INTERRUPTED;
  }

  async #deliver(final: FinalEvent): Promise<number> {
    const { source, view, deliverer, onEvent, onTerminal } = this.#deps;
    const waitedSeconds = this.#finishedMs === undefined ? 0 : (performance.now() - this.#finishedMs) / 1000;
    view.close();
    const text = final.text.trim();
    const { failures, facts, print } = await deliverer.deliver(text);
    if (onEvent === undefined && (print || onTerminal) && text !== '')
      process.stdout.write(`${wrapForStdout(text)}\n`);
    const words = countWords(text);
    view.summary([
      clock(final.durationSeconds),
      text === '' ? 'no speech detected' : `${words} ${words === 1 ? 'word' : 'words'}`,
      ...(final.language === undefined ? [] : [final.language]),
      ...(text === '' || !source.isRealTime ? [] : [`${waitedSeconds.toFixed(1)} s after the last word`]),
      ...facts,
    ]);
    const failed = [...this.#problems(), ...failures];
    for (const error of failed) view.failed(error);
    return failed[0]?.exitCode ?? 0;
  }

  /** Why the text may be incomplete. */
  #problems(): SottoError[] {
    if (this.#sourceFailure !== undefined) return [this.#sourceFailure];
    // Without permission, a Mac's microphone opens but delivers silence.
    if (!this.#deps.source.isLive || !this.#levels.isSilent || this.#levels.seconds < 1) return [];
    return [
      process.platform === 'darwin'
        ? new SottoError('MIC_DENIED', 'the microphone is silent (muted, or no permission)')
        : new SottoError('MIC_UNAVAILABLE', 'the microphone is silent (muted, or no permission)', {
            hint: 'check that it isn’t muted, or choose another (`sotto dictate --list-devices`)',
          }),
    ];
  }
}

function once(call: () => void): () => void {
  let called = false;
  return () => {
    if (!called) call();
    called = true;
  };
}

function countWords(text: string): number {
  const words = new Intl.Segmenter(undefined, { granularity: 'word' });
  return [...words.segment(text)].filter(({ isWordLike }) => isWordLike).length;
}
