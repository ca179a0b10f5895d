/** Which models are chosen, and for which tasks; and what installed ones can do. */
import { modelDirs, type Paths } from '../../paths.js';
import type { ModelRef } from '../../protocol/ipc.js';
import type { ModelTask } from '../../protocol/model-tasks.js';
import { DEFAULTS, readSettings, type Settings } from '../../settings.js';
import { chosenModels } from '../../store/chosen-model.js';
import { ModelDescriptions } from '../../store/model-descriptions.js';
import { describeModels } from '../../supervisor/model-tool-process.js';

export function describedModels({ modelDescriptions }: Paths): ModelDescriptions {
  return new ModelDescriptions(modelDescriptions, describeModels);
}

/** The tasks that each chosen model is chosen for, by its folder. */
export class ChosenTasks {
  readonly #models: ReadonlyMap<ModelTask, ModelRef>;

  constructor(paths: Paths) {
    this.#models = chosenModels(modelDirs(paths), settingsOf(paths));
  }

  of(dir: string): ModelTask[] {
    return [...this.#models].filter(([, model]) => model.dir === dir).map(([task]) => task);
  }

  /** Folder of the model that transcribes, if it is installed. */
  get defaultDir(): string | undefined {
    return this.#models.get('transcribe')?.dir;
  }
}

function settingsOf({ settings }: Paths): Settings {
  try {
    return readSettings(settings);
  } catch {
    return DEFAULTS;
  }
}
