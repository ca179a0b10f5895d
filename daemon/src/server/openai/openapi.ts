/** The OpenAPI 3.1 document, generated from the schemas that parse the requests. */
import { codeInfo, type ErrorCode } from '../../protocol/errors.js';
import { SOTTO_VERSION } from '../../protocol/version.js';
import { json, type Route } from '../http/route.js';
import { EXAMPLES } from './examples.js';
import { OBJECTS, OPERATIONS, type ResponseTypes, type ObjectName, type Operation } from './operations.js';
import { defined } from '../../protocol/defined.js';

type Json = Readonly<Record<string, unknown>>;

/** Errors that any request may get: from the guard, from limits, and internal ones. */
const ALWAYS: readonly ErrorCode[] = [
  'UNAUTHORIZED',
  'TOKEN_REJECTED',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'PAYLOAD_TOO_LARGE',
  'PROTOCOL',
  'REQUEST_TIMEOUT',
  'INTERNAL',
];

const FILE: Json = {
  type: 'string',
  format: 'binary',
  description:
    'Audio, or video with audio: FLAC, MP3, MP4, M4A, OGG, Opus, WAV, WebM, AIFF. File name and type are ignored.',
};

/** OpenAPI 3.1 can't describe a stream, so this is one of its events. */
const EVENT: Json = {
  type: 'object',
  properties: {
    data: { type: 'string', description: 'A TranscriptionStreamEvent or an Error as JSON, or `[DONE]`.' },
  },
  required: ['data'],
};

let document: Promise<Json> | undefined;

export const documentRoute: Route = {
  method: 'GET',
  path: '/openapi.json',
  answer: async () => json(await (document ??= makeDocument())),
};

async function makeDocument(): Promise<Json> {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sotto',
      version: SOTTO_VERSION,
      description:
        'Private speech to text on this machine, compatible with OpenAI’s API. The port requires the token that ' +
        '`sotto token show` prints; the socket file is protected by its mode.',
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths: pathsOf(OPERATIONS),
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: await objectSchemas(),
    },
  };
}

/** OpenAPI 3.1 uses JSON Schema draft 2020-12. */
async function objectSchemas(): Promise<Json> {
  const { toJsonSchema } = await import('@valibot/to-json-schema');
  const examples: Readonly<Partial<Record<string, unknown>>> = EXAMPLES;
  const schemas = Object.entries(OBJECTS).map(([name, schema]) => {
    // JSON has only finite numbers.
    const { $schema: _, ...rest } = toJsonSchema(schema, {
      target: 'draft-2020-12',
      ignoreActions: ['finite'],
    });
    const example = examples[name];
    return [
      name,
      name.endsWith('Form')
        ? withFile(rest)
        : { ...rest, ...defined({ examples: example === undefined ? undefined : [example] }) },
    ];
  });
  return Object.fromEntries(schemas) as Json;
}

function withFile(form: Json): Json {
  const { properties, required } = form as { properties: Json; required: string[] };
  return { ...form, properties: { file: FILE, ...properties }, required: ['file', ...required] };
}

function pathsOf(operations: readonly Operation[]): Json {
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: operationObject(operation) };
  }
  return paths;
}

function operationObject(operation: Operation): Json {
  const {
    id,
    summary,
    description,
    params = {},
    form,
    json: body,
    responseTypes,
    errors,
    hasUnavailableBody,
  } = operation;
  const parameters = Object.entries(params).map(([name, example]) => ({
    ...{ name, in: 'path', required: true, example },
    schema: { type: 'string', minLength: 1 },
  }));
  return {
    operationId: id,
    summary,
    ...defined({ description }),
    ...(parameters.length > 0 && { parameters }),
    ...defined({
      requestBody: requestBodyOf(form, body),
    }),
    responses: {
      ...defined({
        200:
          responseTypes === undefined
            ? undefined
            : { description: 'Done.', content: contentOf(responseTypes) },
      }),
      ...errorResponses([...new Set([...ALWAYS, ...errors])]),
      ...(hasUnavailableBody &&
        responseTypes && { 503: { description: 'Unavailable.', content: contentOf(responseTypes) } }),
    },
  };
}

function requestBodyOf(form: ObjectName | undefined, json: ObjectName | undefined): Json | undefined {
  if (form !== undefined) return bodyOf('multipart/form-data', form);
  return json === undefined ? undefined : bodyOf('application/json', json);
}

function bodyOf(type: string, name: ObjectName): Json {
  return { required: true, content: { [type]: { schema: reference(name) } } };
}

function contentOf(responseTypes: ResponseTypes): Json {
  const content = Object.entries(responseTypes).map(([type, what]) => [type, { schema: schemaOf(what) }]);
  return Object.fromEntries(content) as Json;
}

function schemaOf(what: ResponseTypes[string]): Json {
  if (what === 'text') return { type: 'string' };
  if (what === 'events') return EVENT;
  if (what === 'audio') return { type: 'string', format: 'binary' };
  if (what === 'anything') return { type: 'object' };
  const all = what.map(reference);
  return all.length === 1 ? (all[0] ?? {}) : { anyOf: all };
}

/** One response per status, which lists its codes. */
function errorResponses(codes: readonly ErrorCode[]): Json {
  const statuses = [...new Set(codes.map((code) => codeInfo(code).httpStatus))];
  const content = { 'application/json': { schema: reference('Error') } };
  return Object.fromEntries(
    statuses.map((status) => {
      const description = codes.filter((code) => codeInfo(code).httpStatus === status).join(', ');
      return [status, { description, content }];
    }),
  );
}

function reference(name: ObjectName): Json {
  return { $ref: `#/components/schemas/${name}` };
}
