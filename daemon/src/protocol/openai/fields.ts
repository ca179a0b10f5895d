/** Parses form fields by a schema. In a form all values are text, and lists have many spellings. */
import * as v from 'valibot';
import { SottoError } from '../errors.js';
import { defined } from '../defined.js';

/** OpenAI's documentation calls a list field `name[]`. */
const LIST = /\[\]$/;
const HINT = 'GET /openapi.json describes all fields';

type FormSchema = v.GenericSchema & { readonly entries: Readonly<Record<string, v.GenericSchema>> };

/**
 * Reads the fields of `schema` and ignores others, because programs send fields for newer OpenAI models. An empty field counts
 * as absent.
 *
 * @throws SottoError INVALID_ARGUMENT with the field as `param`
 */
export function parseFields<S extends FormSchema>(
  schema: S,
  fields: ReadonlyMap<string, readonly string[]>,
): v.InferOutput<S> {
  const values: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(schema.entries)) {
    const kind = kindOf(entry);
    const value = kind === 'array' ? listOf(name, fields) : valueOf(kind, name, fields);
    if (value !== undefined) values[name] = value;
  }
  const parsed = v.safeParse(schema, values);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const key = issue.path?.[0]?.key;
  const param = typeof key === 'string' ? key.replace(LIST, '') : undefined;
  throw invalid(param, values[String(key)] === undefined ? 'is missing' : issue.message);
}

/** @throws SottoError INVALID_ARGUMENT */
function valueOf(
  kind: string,
  name: string,
  fields: ReadonlyMap<string, readonly string[]>,
): string | number | boolean | undefined {
  const given = fields.get(name)?.filter((text) => text !== '') ?? [];
  if (given.length > 1) throw invalid(name, 'was sent twice');
  const [text] = given;
  if (text === undefined) return undefined;
  if (kind === 'number')
    return /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(text) ? Number(text) : text;
  if (kind === 'boolean') return BOOLEANS.get(text.trim().toLowerCase()) ?? text;
  return text;
}

/** A list is `name[]` for each item, `name` for each item, or one `name` with JSON or comma-separated items. */
function listOf(name: string, fields: ReadonlyMap<string, readonly string[]>): unknown[] | undefined {
  const plain = fields.get(name.replace(LIST, '')) ?? [];
  const [first] = plain;
  const all = [...(fields.get(name) ?? []), ...(plain.length === 1 && first ? itemsOf(first) : plain)];
  const given = all.filter((item) => item !== '');
  return given.length === 0 ? undefined : given;
}

function itemsOf(text: string): unknown[] {
  if (text.trimStart().startsWith('[')) {
    try {
      const json: unknown = JSON.parse(text);
      if (Array.isArray(json)) return json as unknown[];
    } catch {
      // Not JSON: read it as comma-separated text.
    }
  }
  return text.split(',').map((item) => item.trim());
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

/** The type of a schema without its wrappers, such as optional. */
function kindOf(schema: v.GenericSchema): string {
  return 'wrapped' in schema ? kindOf(schema.wrapped as v.GenericSchema) : schema.type;
}

function invalid(param: string | undefined, why: string): SottoError {
  const message = param === undefined ? why : `${param}: ${why.slice(0, 300)}`;
  return new SottoError('INVALID_ARGUMENT', message, { hint: HINT, ...defined({ param }) });
}
