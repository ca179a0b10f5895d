/** The text of a window that is still being heard: what is committed of it, and what the last look says follows. */
import type { Word } from '#daemon/protocol/transcription.js';
import type { Hypothesis } from '../../streaming/hypothesis.js';

import type { TextState } from './live-state.js';
import type { LiveWords } from './live-words.js';

/** One look: a hypothesis behind the committed tokens, as words with places. */
export interface Look {
  readonly hypothesis: Hypothesis;
  readonly words: LiveWords;
  /** Where each token begins, and the last one ends, in frames of 20 ms from the beginning of the window. */
  readonly starts: readonly number[];
  readonly logprobs: readonly number[];
}

export class LiveText {
  #committed: number[] = [];
  #end: number | undefined;
  #look: Look | undefined;
  #before: Hypothesis | undefined;
  #sumLogprob = 0;
  #count = 0;

  /** @param wordsOf how the tokens of a look, in a checkpoint, are made into words */
  constructor(from?: TextState, wordsOf?: (tokens: readonly number[]) => LiveWords) {
    if (from === undefined) return;
    this.#committed = [...from.committed];
    this.#end = from.end;
    this.#before = from.before;
    this.#sumLogprob = from.sumLogprob;
    this.#count = from.count;
    if (from.look !== undefined && wordsOf !== undefined)
      this.#look = { ...from.look, words: wordsOf(from.look.hypothesis.tokens) };
  }

  get state(): TextState {
    const [end, look, before] = [this.#end, this.#look, this.#before];
    return {
      committed: this.#committed,
      ...(end !== undefined && { end }),
      ...(look && {
        look: { hypothesis: plain(look.hypothesis), starts: [...look.starts], logprobs: [...look.logprobs] },
      }),
      ...(before && { before: plain(before) }),
      sumLogprob: this.#sumLogprob,
      count: this.#count,
    };
  }

  /** Of all tokens ever committed, the mean natural-log probability; undefined before the first. */
  get meanLogprob(): number | undefined {
    return this.#count === 0 ? undefined : this.#sumLogprob / this.#count;
  }

  /** Tokens of the window that are certain. */
  get committed(): readonly number[] {
    return this.#committed;
  }

  /** Where they end, in frames of 20 ms from the beginning of the window; undefined where there are none. */
  get committedEnd(): number | undefined {
    return this.#end;
  }

  /** What seems to follow them. */
  get follows(): Hypothesis | undefined {
    return this.#look?.hypothesis;
  }

  /** What seemed to follow them a look earlier. */
  get followed(): Hypothesis | undefined {
    return this.#before;
  }

  /** The text of some of the tokens that seem to follow. */
  tentative(from: number, count: number): string {
    return this.#look?.words.text(from, from + count) ?? '';
  }

  heard(look: Look): void {
    this.#before = this.#look?.hypothesis;
    this.#look = look;
  }

  /** Makes the next `count` tokens certain. @returns their words, in seconds from the beginning of the window */
  commit(count: number): Word[] {
    const look = this.#look;
    if (look === undefined || count === 0) return [];
    const words = look.words.timed(0, count, look.starts, look.logprobs);
    this.#committed.push(...look.hypothesis.tokens.slice(0, count));
    this.#sumLogprob += look.logprobs.slice(0, count).reduce((sum, logprob) => sum + logprob, 0);
    this.#count += count;
    this.#end = look.starts[count] ?? this.#end;
    this.#look = {
      hypothesis: behind(look.hypothesis, count),
      words: look.words.behind(count),
      starts: look.starts.slice(count),
      logprobs: look.logprobs.slice(count),
    };
    this.#before = this.#before && behind(this.#before, count);
    return words;
  }

  /** A window begins behind what is committed. @returns the tokens that were */
  moveOn(): readonly number[] {
    const said = this.#committed;
    this.#committed = [];
    this.#end = undefined;
    // What follows is a draft still; where there is nothing, nothing was seen of the new window.
    if (this.#look?.hypothesis.tokens.length === 0) this.#look = this.#before = undefined;
    return said;
  }
}

function plain({ tokens, begins, attended, audioFrames, ended }: Hypothesis): TextState['before'] & object {
  return { tokens: [...tokens], begins: [...begins], attended: [...attended], audioFrames, ended };
}

function behind(hypothesis: Hypothesis, count: number): Hypothesis {
  return {
    ...hypothesis,
    tokens: hypothesis.tokens.slice(count),
    begins: hypothesis.begins.slice(count),
    attended: hypothesis.attended.slice(count),
  };
}
