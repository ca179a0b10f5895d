/** Decodes several windows at once, greedily: the weights are read once for all of them. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { yieldToEventLoop } from '#daemon/async.js';
import { type DecodeContext, type DecodeResult, prepareInput, prefill, resultOf } from '../decode/decode.js';
import { disposeWindow, type EncodedWindow, pickWindows } from '../encode/encode.js';
import type { TimestampState } from '../decode/logit-filters.js';

/** The text so far of the window of a row, or its result. */
type BatchEvent =
  | { readonly row: number; readonly text: string; readonly result?: undefined }
  | { readonly row: number; readonly result: DecodeResult };

/** One token for each remaining row, on the device. */
interface Step {
  readonly tokens: MxArray; // [R] or [R, 1]
  readonly logprobs: MxArray; // the same
  readonly state: TimestampState | undefined;
}

/** Ended rows are computed along up to this share of all: removing them copies the others. */
const MAX_IDLE_ROW_RATIO = 0.5;

/** A window being decoded. */
class Row {
  readonly tokens: number[] = [];
  readonly logprobs: number[] = [];
  readonly #textStream;
  text = '';
  sumLogprob = 0;
  ended = false;

  constructor(
    readonly index: number,
    readonly context: DecodeContext,
  ) {
    this.#textStream = context.tokenizer.textStream();
  }

  /** @returns whether the text has grown */
  append(token: number, logprob: number): boolean {
    const { tokenizer, loops } = this.context;
    this.sumLogprob += logprob;
    if (token === tokenizer.special.endOfText) {
      this.ended = true;
      return false;
    }
    this.tokens.push(token);
    this.logprobs.push(logprob);
    this.ended = loops?.shouldStop(this.tokens) === true;
    const piece = this.#textStream.push(token);
    this.text += piece;
    return piece !== '';
  }
}

/**
 * Decodes several windows in parallel, each as `decodeWindow` at temperature 0. Yields each result as soon as it is ready.
 *
 * @param contexts one per window, equal except for limits and language
 * @param encoded the windows, joined by `joinWindows`; the caller frees them
 */
export async function* decodeBatch(
  contexts: readonly DecodeContext[],
  encoded: EncodedWindow,
  prompt: readonly number[],
  signal: AbortSignal,
): AsyncGenerator<BatchEvent, void> {
  const [context] = contexts;
  if (context === undefined) return;
  const { model, caches } = context;
  const inputs = contexts.map((one) => prepareInput(one, prompt));
  const firstInput = prepareInput(context, prompt);
  const { maxSampled, initial } = firstInput;
  for (const cache of caches) cache.reset();

  const begin = performance.now();
  let rows = contexts.map((one, index) => new Row(index, one));
  let window = encoded;
  const firstStep = mx.tidy(() => {
    const rows = inputs.map((one) => one.initial);
    const { logits, noSpeechProb } = prefill(context, encoded, firstInput, rows);
    return { step: greedyStep(context, context.filters.first(logits), undefined), noSpeechProb };
  });
  let step: Step | undefined = firstStep.step;
  let next: Step | undefined;
  try {
    mx.asyncEval(step.tokens, step.logprobs, firstStep.noSpeechProb);
    let noSpeechProbs: Float32Array | undefined;
    for (let sampled = 1; step !== undefined; sampled++) {
      const isLast = sampled >= maxSampled || initial.length + sampled > model.config.nTextCtx;
      if (!isLast) {
        next = nextStep(context, window, step);
        mx.asyncEval(next.tokens, next.logprobs);
      }
      await mx.ready(step.tokens, step.logprobs);
      await yieldToEventLoop(signal);
      noSpeechProbs ??= firstStep.noSpeechProb.toTypedArray('float32');
      const tokens = step.tokens.toTypedArray();
      const logprobs = step.logprobs.toTypedArray('float32');
      disposeStep(step);
      [step, next] = [next, undefined];
      for (const [i, row] of rows.entries()) {
        if (row.ended) continue;
        const hasGrown = row.append(Number(tokens[i]), logprobs[i] ?? 0);
        if (isLast) row.ended = true;
        if (hasGrown) yield { row: row.index, text: row.text };
        if (!row.ended) continue;
        const seconds = (performance.now() - begin) / 1000 / contexts.length;
        const noSpeechProb = noSpeechProbs[row.index] ?? 0;
        yield {
          row: row.index,
          result: resultOf(row.context, { ...row, noSpeechProb, temperature: 0, seconds }),
        };
      }
      const live = rows.flatMap(({ ended }, i) => (ended ? [] : [i]));
      if (live.length === 0) break;
      if (step !== undefined && rows.length - live.length >= Math.max(1, MAX_IDLE_ROW_RATIO * rows.length)) {
        rows = rows.filter(({ ended }) => !ended);
        step = withRows(step, live);
        for (const cache of caches) cache.reorder(live);
        const keptRows = pickWindows(window, live);
        if (window !== encoded) disposeWindow(window);
        window = keptRows;
      }
    }
  } finally {
    mx.dispose([firstStep.noSpeechProb]);
    if (window !== encoded) disposeWindow(window);
    for (const leftover of [step, next]) if (leftover !== undefined) disposeStep(leftover);
  }
}

function nextStep(context: DecodeContext, { crossKeysValues }: EncodedWindow, previous: Step): Step {
  const { model, filters, caches } = context;
  return mx.tidy(() => {
    const count = previous.tokens.shape[0] ?? 0;
    const hidden = model.decoder.forward(mx.reshape(previous.tokens, [count, 1]), caches, crossKeysValues); // [R, 1, D]
    const logits = mx.reshape(model.decoder.logits(hidden), [count, model.config.nVocab]);
    const { token, logprob, state } = filters.choose(logits, previous.state);
    return { tokens: token, logprobs: logprob, state };
  });
}

/** Filtered logits [R, V] → the argmax tokens */
function greedyStep({ filters }: DecodeContext, logits: MxArray, state: TimestampState | undefined): Step {
  const [tokens, logprobs] = nn.argmax(logits);
  return { tokens, logprobs, state: filters.follow(tokens, state) };
}

/** Selects rows of a step and frees it. */
function withRows(step: Step, rows: readonly number[]): Step {
  const made = mx.tidy(() => {
    const order = mx.array(Int32Array.from(rows));
    const pick = (x: MxArray): MxArray => mx.take(x, order, 0);
    const state: TimestampState | undefined = step.state && [pick(step.state[0]), pick(step.state[1])];
    return { tokens: pick(step.tokens), logprobs: pick(step.logprobs), state };
  });
  disposeStep(step);
  return made;
}

function disposeStep({ tokens, logprobs, state }: Step): void {
  mx.dispose([tokens, logprobs]);
  if (state !== undefined) mx.dispose(state);
}
