import { bundledModels, type Paths } from '../paths.js';
import type { ModelShelves } from '../store/find-model.js';

/** Where models are looked for. */
export function shelvesOf(paths: Paths): ModelShelves {
  return { models: paths.models, bundled: bundledModels };
}
