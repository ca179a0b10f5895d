/** Steps of a search over a window of Whisper: its filters choose what may follow. */
import { mx, type MxArray } from '#native/index.js';

import type { DecodeContext } from '../decode/decode.js';
import { followStamps } from '../decode/greedy-choice.js';
import type { TimestampState } from '../decode/logit-filters.js';
import type { EncodedWindow } from '../encode/encode.js';
import { compileOnGpu } from '../../search/compile-on-gpu.js';
import type { DeviceBeam } from '../../search/device-beam.js';
import { type SearchMode, SearchSteps } from '../../search/search-steps.js';
import type { Search } from '../../search/search.js';

export function whisperSteps(
  { model, caches, filters, prefix = [] }: DecodeContext,
  { crossKeysValues }: EncodedWindow,
  search: Search,
  mode?: SearchMode,
): SearchSteps<TimestampState> {
  const { nVocab: vocabulary, nTextCtx: maxPositions } = model.config;
  const network = {
    caches,
    vocabulary,
    maxPositions,
    logits: (tokens: MxArray, rows: number, state: TimestampState | undefined) => {
      const hidden = model.decoder.forward(tokens, caches, crossKeysValues); // [N, 1, D]
      const logits = mx.reshape(model.decoder.logits(hidden), [rows, vocabulary]);
      return filters.allowed(logits, state);
    },
    stateOf: (sequences: readonly { readonly tokens: readonly number[] }[]) =>
      filters.stateOf(sequences.map(({ tokens }) => [...prefix, ...tokens])),
    follow: ({ tokens, rows }: DeviceBeam, state: TimestampState | undefined) =>
      state && stateAfter(tokens, state, filters.textSize, rows),
  };
  return new SearchSteps(network, search, mode);
}

/**
 * The state after tokens [width, 1] that follow `rows`, or row by row without them.
 *
 * @param textSize tokens below `<|0.00|>`
 */
function stateAfter(
  tokens: MxArray,
  state: TimestampState,
  textSize: number,
  rows?: MxArray,
): TimestampState {
  const follow = compileOnGpu(
    `behind ${rows ? 'rows' : 'all'}, ${textSize}`,
    (token: MxArray, after: MxArray, latest: MxArray, ...[from]: MxArray[]): [MxArray, MxArray] => {
      const stateOf = (array: MxArray): MxArray => {
        const each = mx.reshape(array, [array.size]);
        return mx.reshape(from ? mx.take(each, from) : each, token.shape);
      };
      return followStamps(token, stateOf(after), stateOf(latest), textSize);
    },
  );
  return follow(tokens, ...state, ...(rows ? [rows] : []));
}
