/** What programs of others say to Sotto over HTTP, in the words of OpenAI's API. */
export * from './openai/models.js';
export * from './openai/service.js';
export * from './openai/speech.js';
export * from './openai/transcriptions.js';
export { parseFields } from './openai/fields.js';
