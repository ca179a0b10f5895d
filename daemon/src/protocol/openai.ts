/** Schemas of the OpenAI-compatible HTTP API. */
export * from './openai/models.js';
export * from './openai/service.js';
export * from './openai/speech.js';
export * from './openai/transcriptions.js';
export { parseFields } from './openai/fields.js';
