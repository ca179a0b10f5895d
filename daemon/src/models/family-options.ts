/** Options that only one family has. */
import * as v from 'valibot';

import { SottoError } from '#daemon/protocol/errors.js';
import { commonOptionsSchema, type TranscribeOptions } from '#daemon/protocol/transcription.js';

/**
 * The options of a family, which stand under its name.
 *
 * @throws SottoError INVALID_ARGUMENT for an option that the family does not have or a wrong value, and for the options
 *   of another family
 */
export function familyOptions<T>(
  options: TranscribeOptions,
  family: string,
  schema: v.GenericSchema<unknown, T>,
): T {
  for (const name of Object.keys(options)) {
    if (name === family || Object.hasOwn(commonOptionsSchema.entries, name)) continue;
    throw new SottoError('INVALID_ARGUMENT', `the options of ${name} don’t fit a ${family} model`, {
      hint: `omit them, or choose a ${name} model`,
    });
  }
  const parsed = v.safeParse(schema, (options as Readonly<Record<string, unknown>>)[family] ?? {});
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new SottoError('INVALID_ARGUMENT', `${family}.${v.getDotPath(issue) ?? ''}: ${issue.message}`);
}
