/** Kinds of fields that messages and files share. */
import * as v from 'valibot';

/** NaN and the infinities are signs that somebody computes nonsense. */
export const finite = v.pipe(v.number(), v.finite());

export const integer = v.pipe(v.number(), v.safeInteger());

/** A number from `least` to `most`. */
export const inRange = (min: number, max: number) => v.pipe(finite, v.minValue(min), v.maxValue(max));

/** A string of `least` to `most` characters. */
export const text = (min: number, max: number) => v.pipe(v.string(), v.minLength(min), v.maxLength(max));
