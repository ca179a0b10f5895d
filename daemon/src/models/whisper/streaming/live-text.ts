/** The text of a window that is still being heard: what is committed of it, and what the last look says follows. */
import type { Word } from '#daemon/protocol/transcription.js';
import { behind, cutsOf, type Hypothesis, looksOf, wordBeginnings } from '../../streaming/hypothesis.js';

import type { TextState } from './live-state.js';
import type { LiveWords } from './live-words.js';
import { windowCut } from './window-cut.js';

/** One look: a hypothesis behind the committed tokens, as words with places. */
export interface Look {
  readonly hypothesis: Hypothesis;
  readonly words: LiveWords;
  readonly logprobs: readonly number[];
  /** Where each token begins, and the last one ends, in frames of 20 ms from the beginning of the window. */
  readonly starts: readonly number[];
}

/** The last word of audio that is cut off may look a little behind it. */
const BEHIND_FRAMES = 15;

export class LiveText {
  readonly #wordsOf: (tokens: readonly number[]) => LiveWords;
  #committed: number[] = [];
  /** Where each committed token begins, as the last look found it. */
  #starts: number[] = [];
  #look: Look | undefined;
  /** Looks at the text since the window began. */
  #looks = 0;
  #sumLogprob = 0;
  #count = 0;

  constructor(wordsOf: (tokens: readonly number[]) => LiveWords, from?: TextState) {
    this.#wordsOf = wordsOf;
    if (from === undefined) return;
    this.#committed = [...from.committed];
    this.#starts = [...from.starts];
    this.#looks = from.looks;
    this.#sumLogprob = from.sumLogprob;
    this.#count = from.count;
    if (from.look !== undefined) this.#look = { ...from.look, words: wordsOf(from.look.hypothesis.tokens) };
  }

  get state(): TextState {
    const look = this.#look;
    return {
      committed: [...this.#committed],
      starts: [...this.#starts],
      ...(look && { look: plain(look) }),
      looks: this.#looks,
      sumLogprob: this.#sumLogprob,
      count: this.#count,
    };
  }

  /** Of all tokens ever committed, the mean natural-log probability; undefined before the first. */
  get meanLogprob(): number | undefined {
    return this.#count === 0 ? undefined : this.#sumLogprob / this.#count;
  }

  /** Whether all that was ever committed is in the window. */
  get isWhole(): boolean {
    return this.#count > 0 && this.#count === this.#committed.length;
  }

  /** Tokens of the window that are certain. */
  get committed(): readonly number[] {
    return this.#committed;
  }

  /** What seems to follow them. */
  get follows(): Hypothesis | undefined {
    return this.#look?.hypothesis;
  }

  /** How often the window was looked at. */
  get looks(): number {
    return this.#looks;
  }

  /**
   * How many of the tokens that seem to follow were heard: behind the last word that looks at the audio, a model that waits
   * for more makes up an end.
   */
  get heardCount(): number {
    const look = this.#look;
    if (look === undefined) return 0;
    const { attended, audioFrames } = look.hypothesis;
    const last = attended.findLastIndex((frame) => frame < audioFrames + BEHIND_FRAMES);
    return look.words.said(look.starts).find(({ to }) => to > last)?.to ?? 0;
  }

  /** The text of some of the tokens that seem to follow. */
  tentative(from: number, count: number): string {
    return this.#look?.words.text(from, from + count) ?? '';
  }

  /** @param look `starts` and `attended` are of the tokens of `words`, in frames from the beginning of the window */
  heard(
    look: Omit<Look, 'hypothesis'> &
      Pick<Hypothesis, 'attended' | 'audioFrames' | 'ended'> & {
        readonly committedStarts: readonly number[];
      },
  ): void {
    const { words, logprobs, starts, attended, audioFrames, ended } = look;
    this.#starts = [...look.committedStarts];
    const [said, before] = [words.said(starts), this.#look];
    const looks = looksOf(
      said,
      before && { words: before.words.said(before.starts), looks: before.hypothesis.looks },
    );
    const probabilities = words.probabilities(said, logprobs);
    const cuts = cutsOf(words.pieces, words.spaced);
    const hypothesis = { tokens: words.tokens, cuts, attended, probabilities, looks, audioFrames, ended };
    this.#look = { hypothesis, words, logprobs, starts };
    this.#looks++;
  }

  /** Makes the next `count` tokens certain. @returns their words, in seconds from the beginning of the window */
  commit(count: number): Word[] {
    const look = this.#look;
    if (look === undefined || count === 0) return [];
    const words = look.words.timed(0, count, look.starts, look.logprobs);
    this.#committed.push(...look.hypothesis.tokens.slice(0, count));
    this.#sumLogprob += look.logprobs.slice(0, count).reduce((sum, logprob) => sum + logprob, 0);
    this.#count += count;
    this.#starts.push(...look.starts.slice(0, count));
    this.#look = {
      hypothesis: behind(look.hypothesis, count),
      words: look.words.behind(count),
      logprobs: look.logprobs.slice(count),
      starts: look.starts.slice(count),
    };
    return words;
  }

  /**
   * The window begins anew where one of the committed words does; what follows is a draft still.
   *
   * @returns the tokens in front of it, and how many frames of 20 ms they take; undefined if there is no place
   */
  moveOn(): { readonly tokens: readonly number[]; readonly frames: number } | undefined {
    const look = this.#look;
    if (look === undefined) return undefined;
    const words = this.#wordsOf(this.#committed);
    const begins = wordBeginnings(words.pieces, words.spaced);
    const count = windowCut(words.pieces, begins, this.#starts, look.hypothesis.audioFrames);
    const frames = this.#starts[count] ?? 0;
    if (count === 0 || frames === 0) return undefined;
    const tokens = this.#committed.splice(0, count);
    const earlier = (all: readonly number[]): number[] => all.map((frame) => Math.max(0, frame - frames));
    this.#starts = earlier(this.#starts.slice(count));
    const { hypothesis, starts } = look;
    this.#look = {
      ...look,
      starts: earlier(starts),
      hypothesis: {
        ...hypothesis,
        attended: earlier(hypothesis.attended),
        audioFrames: hypothesis.audioFrames - frames,
      },
    };
    return { tokens, frames };
  }

  /** The window begins anew, with nothing in it. @returns the tokens that were committed */
  clear(): readonly number[] {
    this.#look = undefined;
    this.#looks = 0;
    this.#starts = [];
    return this.#committed.splice(0);
  }
}

function plain({ hypothesis, logprobs, starts }: Look): NonNullable<TextState['look']> {
  const { tokens, cuts, attended, probabilities, looks, audioFrames, ended } = hypothesis;
  return {
    hypothesis: {
      tokens: [...tokens],
      cuts: [...cuts],
      attended: [...attended],
      probabilities: [...probabilities],
      looks: [...looks],
      audioFrames,
      ended,
    },
    logprobs: [...logprobs],
    starts: [...starts],
  };
}
