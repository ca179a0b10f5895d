import { describe, expect, test } from '@jest/globals';
import * as v from 'valibot';
import { systemClock } from '#daemon/clock.js';
import { parseFields, transcriptionFieldsSchema, translationFieldsSchema } from '#daemon/protocol/openai.js';
import { silentLog } from '#daemon/logger.js';
import { createApi, type ApiContext } from '#daemon/server/api.js';
import { documentRoute } from '#daemon/server/openai/openapi.js';
import { EXAMPLES } from '#daemon/server/openai/examples.js';
import { OBJECTS, OPERATIONS, type ObjectName } from '#daemon/server/openai/operations.js';
import { tempHome } from '#test/harness/temp-home.js';

type Json = Record<string, unknown>;

interface Form {
  readonly properties?: Record<string, { format?: string; examples?: unknown[]; enum?: string[] }>;
  readonly required?: readonly string[];
}

async function written(): Promise<Json> {
  const call = {} as Parameters<typeof documentRoute.answer>[0];
  return JSON.parse((await documentRoute.answer(call)).body as string) as Json;
}

/** All values with this key. */
function all(value: unknown, name: string): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value as Json).flatMap(([key, inner]) => [
    ...(key === name ? [inner] : []),
    ...all(inner, name),
  ]);
}

describe('the OpenAPI document', () => {
  test('describes exactly the served routes', () => {
    const home = tempHome();
    const context = { uploads: home.folder, clock: systemClock, log: silentLog } as unknown as ApiContext;
    const { routes, sockets } = createApi(context);
    const served = routes.map(({ method, path }) => `${method} ${path}`);
    home.remove();
    expect(sockets.map(({ path }) => path)).toEqual(['/v1/realtime', '/realtime']);
    // The same routes exist without /v1.
    const documented = OPERATIONS.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    expect(served.filter((route) => !/ \/(audio|models)\b/.test(route)).sort()).toEqual(documented.sort());
  });

  test('is OpenAPI 3.1 without dangling references', async () => {
    const document = await written();
    expect(document.openapi).toBe('3.1.0');
    const references = all(document, '$ref') as string[];
    expect(references.length).toBeGreaterThan(50);
    for (const reference of references) {
      const path = reference.replace(/^#\//, '').split('/');
      expect(path.reduce<unknown>((value, key) => (value as Json)[key], document)).toBeDefined();
    }
  });

  test.each([
    ['TranscriptionForm', transcriptionFieldsSchema],
    ['TranslationForm', translationFieldsSchema],
  ])('has in the %s a file, and valid examples of all fields', async (name, schema) => {
    const { components } = (await written()) as { components: { schemas: Record<string, Form> } };
    const { properties: { file, ...fields } = {}, required } = components.schemas[name] ?? {};
    expect([file?.format, required]).toEqual(['binary', ['file', 'model']]);
    const shown = Object.entries(fields).map(([field, { examples = [] }]) => [field, examples[0]] as const);
    const texts = shown.map(([field, value]) => [field, [value].flat().map(String)] as const);
    expect(parseFields(schema, new Map(texts))).toEqual(Object.fromEntries(shown));
    expect(fields.response_format?.enum).toEqual(['json', 'text', 'srt', 'verbose_json', 'vtt']);
  });

  test.each(Object.entries(EXAMPLES) as [ObjectName, unknown][])(
    'has a valid example of %s',
    (name, example) => {
      expect(v.parse(OBJECTS[name] as v.GenericSchema, example)).toEqual(example);
    },
  );

  test('lists the errors of each operation, including token and host', async () => {
    const operations = Object.values(
      (await written()).paths as Record<string, Record<string, { responses: Json }>>,
    );
    const all = operations.flatMap((path) => Object.values(path));
    expect(all.length).toBeGreaterThan(5);
    for (const operation of all) {
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['401', '403', '405', '500']));
    }
  });
});
