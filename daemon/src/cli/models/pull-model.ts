/** `sotto models pull`. */
import type { Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import { formatBytes, pullModelWithFallback, type PulledWithFallback } from '../../store/download/index.js';
import { TASK_VERBS, type ModelTask } from '../../protocol/model-tasks.js';
import { chooseIfFirst } from '../../store/choose-if-first.js';
import { describedModels } from './described-models.js';
import { pullView } from './pull-view.js';
import { defined } from '../../protocol/defined.js';

interface PullModelOptions {
  readonly wanted: string;
  readonly as?: string;
  /** Codes of the languages to have adapters for. */
  readonly languages?: readonly string[];
  readonly again: boolean;
  /** Print errors only. */
  readonly quiet?: boolean;
  readonly signal: AbortSignal;
}

/** @returns the exit code @throws SottoError */
export async function pull(
  paths: Paths,
  { wanted, as, languages, again, quiet = false, signal }: PullModelOptions,
): Promise<number> {
  const view = pullView(wanted, quiet);
  try {
    const pulled = await pullModelWithFallback({
      models: paths.models,
      wanted,
      again,
      signal,
      onEvent: (event) => view.event(event),
      ...defined({ as, languages }),
    });
    view.close();
    const chosenFor = await chooseIfFirst(pulled, describedModels(paths), paths.settings);
    if (!quiet) process.stdout.write(describe(pulled, chosenFor));
    return 0;
  } catch (error) {
    view.close();
    if (error instanceof SottoError && error.code === 'CANCELLED') {
      const again = `sotto models pull ${wanted}${as === undefined ? '' : ` --as ${as}`}${languages === undefined ? '' : ` --language ${languages.join(',')}`}`;
      const percent = view.percent();
      throw new SottoError('CANCELLED', percent === undefined ? 'stopped' : `stopped at ${percent}`, {
        hint: percent === undefined ? '' : `resume: \`${again}\``,
      });
    }
    throw error;
  }
}

function describe(
  { name, record, outcome, fallbackFor }: PulledWithFallback,
  [task]: readonly ModelTask[],
): string {
  const bytes = record.files.reduce((sum, file) => sum + file.bytes, 0);
  const from = `${formatBytes(bytes)} from ${record.repo} at ${record.revision.slice(0, 8)}`;
  const fallback = fallbackFor === undefined ? '' : ` instead of ${fallbackFor.name}`;
  if (outcome === 'up-to-date') return `${name} is already downloaded${fallback}: ${from}\n`;
  const next =
    task === undefined
      ? `Make it the default: \`sotto models use ${name}\``
      : `It is now the model that ${TASK_VERBS[task]}.`;
  return `${outcome} ${name}${fallback}: ${from}, verified\n${next}\n`;
}
