import type { ModelRef } from '../protocol/ipc.js';
import type { ModelTask } from '../protocol/model-tasks.js';
import { chosenModelOf, readSettings } from '../settings.js';
import type { ModelDescriptions } from './model-descriptions.js';
import { chooseModel } from './write-settings.js';

/**
 * A downloaded model becomes the chosen one of its first task if that has none yet; the starter model is the one that
 * transcribes. Never throws: it is a courtesy after the download.
 *
 * @param settings path of settings.json
 * @returns that task, if it was chosen
 */
export async function chooseIfFirst(
  { name, dir }: ModelRef,
  descriptions: ModelDescriptions,
  settings: string,
): Promise<ModelTask[]> {
  try {
    const [task] = (await descriptions.of([dir])).get(dir)?.tasks ?? [];
    if (task === undefined || task === 'transcribe') return [];
    if (chosenModelOf(readSettings(settings), task) !== undefined) return [];
    await chooseModel(settings, name, task);
    return [task];
  } catch {
    return [];
  }
}
