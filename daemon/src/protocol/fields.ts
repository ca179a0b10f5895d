/** Kinds of fields that messages and files share. */
import * as v from 'valibot';

/** NaN and the infinities are signs that somebody computes nonsense. */
export const finite = v.pipe(v.number(), v.finite());

export const whole = v.pipe(v.number(), v.safeInteger());

/** A number from `least` to `most`. */
export const within = (least: number, most: number) => v.pipe(finite, v.minValue(least), v.maxValue(most));

/** A string of `least` to `most` characters. */
export const text = (least: number, most: number) =>
  v.pipe(v.string(), v.minLength(least), v.maxLength(most));
