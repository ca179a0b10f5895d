/**
 * Removes duplicates from an answer that is made again. The engine died after a part of the answer was delivered; the same
 * turns and seed give the same answer, so the new run starts with that part, in pieces that may be cut elsewhere. Audio is
 * counted in samples by the session.
 */
import type { AnswerEvent } from '../../protocol/conversation.js';
import { SottoError } from '../../protocol/errors.js';

export class AnswerReplay {
  #deliveredText = '';
  /** Each with its place in the text. */
  readonly #deliveredCalls: string[] = [];
  /** Of the current run. */
  #textLength = 0;
  #calls = 0;

  /** A new run starts at the beginning of the answer. */
  restart(): void {
    this.#textLength = 0;
    this.#calls = 0;
  }

  /**
   * @returns the part that the client does not have; undefined if it has everything
   * @throws SottoError ENGINE_CRASHED if the new run gives another answer
   */
  fresh(event: AnswerEvent): AnswerEvent | undefined {
    if (event.type === 'text') return this.#freshText(event.text);
    const call = JSON.stringify([this.#textLength, event.call]);
    const delivered = this.#deliveredCalls[this.#calls++];
    if (delivered !== undefined && delivered !== call) throw otherAnswer();
    if (delivered !== undefined) return undefined;
    // A call of the first run would have come before text that was delivered after it.
    if (this.#textLength < this.#deliveredText.length) throw otherAnswer();
    this.#deliveredCalls.push(call);
    return event;
  }

  /** The current run is complete. @throws SottoError ENGINE_CRASHED if more than its answer was delivered */
  assertComplete(): void {
    const isShorter =
      this.#textLength < this.#deliveredText.length || this.#calls < this.#deliveredCalls.length;
    if (isShorter) throw otherAnswer();
  }

  #freshText(text: string): AnswerEvent | undefined {
    const known = this.#deliveredText.slice(this.#textLength, this.#textLength + text.length);
    if (!text.startsWith(known)) throw otherAnswer();
    this.#textLength += text.length;
    const fresh = text.slice(known.length);
    // Text after a call that this run has not made.
    if (fresh !== '' && this.#calls < this.#deliveredCalls.length) throw otherAnswer();
    this.#deliveredText += fresh;
    return fresh === '' ? undefined : { type: 'text', text: fresh };
  }
}

function otherAnswer(): SottoError {
  return new SottoError('ENGINE_CRASHED', 'the answer changed after the speech engine was restarted', {
    hint: 'ask again',
  });
}
