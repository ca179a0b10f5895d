/** Parses untrusted text into a typed message. Throws only SottoError. */
import * as v from 'valibot';
import { SottoError } from './errors.js';

interface MessageTable {
  readonly [type: string]: v.GenericSchema;
}

/** Parses JSON. The error does not repeat the text, because it may be large or private. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new SottoError('PROTOCOL', 'the message is not JSON');
  }
}

/**
 * Validates a value by the schema of its `type`.
 * @throws SottoError PROTOCOL (no object, unknown type) or INVALID_ARGUMENT (a field is missing or wrong)
 */
export function parseMessage<T extends MessageTable>(table: T, value: unknown): v.InferOutput<T[keyof T]> {
  if (typeof value !== 'object' || value === null || !('type' in value) || typeof value.type !== 'string') {
    throw new SottoError('PROTOCOL', 'a message must be an object with a `type`');
  }
  const { type } = value;
  const schema = Object.hasOwn(table, type) ? table[type] : undefined;
  if (schema === undefined) {
    throw new SottoError('PROTOCOL', `unknown message type ${JSON.stringify(type.slice(0, 40))}`);
  }
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const where = v.getDotPath(issue) ?? '';
    throw new SottoError('INVALID_ARGUMENT', `${type}: ${where === '' ? '' : `${where}: `}${issue.message}`);
  }
  return parsed.output;
}
