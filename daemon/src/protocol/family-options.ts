/** Options that only one model family has. They stand under its name: `{ language: 'en', whisper: { patience: 2 } }`. */
import * as v from 'valibot';

/**
 * Options of each family, which it adds by declaration merging and validates. A model refuses the options of another
 * family.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type
export interface FamilyOptions {}

/** The options of a task and, unvalidated, objects under other names; other unknown fields are dropped. */
export function withFamilyOptions<E extends v.ObjectEntries>(
  common: v.ObjectSchema<E, undefined>,
): v.GenericSchema<unknown, v.InferOutput<v.ObjectSchema<E, undefined>> & FamilyOptions> {
  const { entries } = common;
  return v.pipe(
    v.looseObject(entries),
    v.transform((options) => {
      const isKept = ([name, value]: [string, unknown]): boolean =>
        Object.hasOwn(entries, name) || isObject(value);
      return Object.fromEntries(Object.entries(options).filter(isKept)) as v.InferOutput<
        v.ObjectSchema<E, undefined>
      > &
        FamilyOptions;
    }),
  );
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
