import { bundledModels, type Paths } from '../../paths.js';
import type { ModelDirs } from '../../store/find-model.js';

/** Where models are looked for. */
export function modelDirs(paths: Paths): ModelDirs {
  return { models: paths.models, bundled: bundledModels };
}
