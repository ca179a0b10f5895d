/** What installed models can do, for commands. */
import type { Paths } from '../../paths.js';
import { ModelDescriptions } from '../../store/model-descriptions.js';
import { describeModels } from '../../supervisor/model-tool-process.js';

export function describedModels({ modelDescriptions }: Paths): ModelDescriptions {
  return new ModelDescriptions(modelDescriptions, describeModels);
}
