/** Schemas of fields that messages and files share. */
import * as v from 'valibot';

/** Rejects NaN and infinities, because they are the result of a wrong computation. */
export const finite = v.pipe(v.number(), v.finite());

export const integer = v.pipe(v.number(), v.safeInteger());

export const inRange = (min: number, max: number) => v.pipe(finite, v.minValue(min), v.maxValue(max));

/** Lengths in UTF-16 units. */
export const text = (min: number, max: number) => v.pipe(v.string(), v.minLength(min), v.maxLength(max));
