/** From the texts of a form to the values that a schema describes. In a form everything is text, and lists have many spellings. */
import * as v from 'valibot';
import { SottoError } from '../errors.js';
import { defined } from '../defined.js';

/** A field that is a list is called `name[]` in the documents. */
const LIST = /\[\]$/;
const HINT = 'GET /openapi.json says what each field takes';

type FormSchema = v.GenericSchema & { readonly entries: Readonly<Record<string, v.GenericSchema>> };

/**
 * Reads what `schema` names; the rest is not looked at, since programs send what newer models of others take. A field that is
 * empty counts as left out.
 *
 * @throws SottoError INVALID_ARGUMENT with the field as its `param`
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
  throw refused(param, values[String(key)] === undefined ? 'is missing' : issue.message);
}

/** @throws SottoError INVALID_ARGUMENT */
function valueOf(
  kind: string,
  name: string,
  fields: ReadonlyMap<string, readonly string[]>,
): string | number | boolean | undefined {
  const given = fields.get(name)?.filter((text) => text !== '') ?? [];
  if (given.length > 1) throw refused(name, 'was sent twice');
  const [text] = given;
  if (text === undefined) return undefined;
  if (kind === 'number')
    return /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(text) ? Number(text) : text;
  if (kind === 'boolean') return BOOLEANS.get(text.trim().toLowerCase()) ?? text;
  return text;
}

/** `name[]` for each item; or `name`, for each or once with all of them as JSON or with commas between them. */
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
      // Then it is what it looks like.
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

/** What a value is, below whatever says that it may be left out. */
function kindOf(schema: v.GenericSchema): string {
  return 'wrapped' in schema ? kindOf(schema.wrapped as v.GenericSchema) : schema.type;
}

function refused(param: string | undefined, why: string): SottoError {
  const message = param === undefined ? why : `${param}: ${why.slice(0, 300)}`;
  return new SottoError('INVALID_ARGUMENT', message, { hint: HINT, ...defined({ param }) });
}
