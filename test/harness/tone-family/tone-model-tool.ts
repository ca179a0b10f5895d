/** The real model tool with one more row in its registry. */
import { registerFamily } from '#daemon/models/registry.js';
import { toneFamily } from './tone-family.js';

registerFamily(toneFamily);
await import('#daemon/engine/model-tool.js');
