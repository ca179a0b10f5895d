import { bundledModels, type Paths } from '../../paths.js';
import type { ModelDirs } from '../../store/find-model.js';

/** The folders that contain models. */
export function modelDirs(paths: Paths): ModelDirs {
  return { models: paths.models, bundled: bundledModels };
}
