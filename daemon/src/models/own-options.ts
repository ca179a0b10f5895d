/** Options that only one family has. */
import * as v from 'valibot';

import { SottoError } from '#daemon/protocol/errors.js';
import type { FamilyOptions } from '#daemon/protocol/family-options.js';

interface Family<T> {
  readonly name: string;
  /** Of its own options. */
  readonly schema: v.GenericSchema<unknown, T>;
}

/**
 * The options of a family, which stand under its name.
 *
 * @param common schema of the options that all families of the task have
 * @throws SottoError INVALID_ARGUMENT for an option that the family does not have or a wrong value, and for the options
 *   of another family
 * @example
 * const { patience } = ownOptions(options, commonOptionsSchema, { name: 'whisper', schema: whisperOptionsSchema });
 */
export function ownOptions<T>(
  options: FamilyOptions,
  common: { readonly entries: object },
  { name: family, schema }: Family<T>,
): T {
  for (const [name, value] of Object.entries(options)) {
    if (name === family || Object.hasOwn(common.entries, name)) continue;
    if (typeof value !== 'object') {
      throw new SottoError('INVALID_ARGUMENT', `there is no option ${name}`, {
        hint: `options that only ${family} models have stand under \`${family}\``,
      });
    }
    throw new SottoError('INVALID_ARGUMENT', `the options of ${name} don’t fit a ${family} model`, {
      hint: `omit them, or choose a ${name} model`,
    });
  }
  const parsed = v.safeParse(schema, (options as Readonly<Record<string, unknown>>)[family] ?? {});
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new SottoError('INVALID_ARGUMENT', `${family}.${v.getDotPath(issue) ?? ''}: ${issue.message}`);
}
