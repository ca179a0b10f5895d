/** Limits of the fields of `config.json`, whatever its form. */
import * as v from 'valibot';

import { integer } from '#daemon/protocol/fields.js';

/** No published model has a dimension beyond this; it bounds what is allocated before the weights are read. */
const MAX_DIMENSION = 65_536;
const MAX_TOKENS = 1_000_000;
const MAX_LAYERS = 1_000;

export const dimension = v.pipe(integer, v.minValue(1), v.maxValue(MAX_DIMENSION));
export const layerCount = v.pipe(integer, v.minValue(1), v.maxValue(MAX_LAYERS));
export const tokenCount = v.pipe(integer, v.minValue(1), v.maxValue(MAX_TOKENS));
export const durations = v.pipe(
  v.array(v.pipe(integer, v.minValue(0), v.maxValue(64))),
  v.minLength(1),
  v.maxLength(64),
);
export const symbolLimit = v.pipe(integer, v.minValue(1), v.maxValue(1_000));
export const pieces = v.array(v.string());
