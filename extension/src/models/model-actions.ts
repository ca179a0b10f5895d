/** What Manage Models does with a model. Each action shows its success; errors are the caller's. */
import { Alert, confirmAlert, Icon, showToast, Toast } from '@raycast/api';
import type { SottoClient } from 'sotto/client';
import { defined, type ModelTask } from 'sotto/protocol';
import { capitalized } from '../lib/deliver';
import { isChosen, isInMemory, type ModelRow } from './model-rows';
import { bytesText, suitText, taskTitle, type Progress } from './model-text';

const RENDER_INTERVAL_MS = 200;

export interface Download {
  readonly name: string;
  readonly title: string;
  /** Replace the installed files. */
  readonly again?: boolean;
  /** Repository and revision of a model that is not in the catalogue. */
  readonly from?: string;
  /** What the model suits, for the toast. */
  readonly note?: string;
}

type Models = SottoClient['models'];
type Chosen = Pick<ModelRow, 'name' | 'title'>;

/** @param onProgress called with undefined once the download is over */
export async function download(
  models: Models,
  { name, title, again, from, note }: Download,
  onProgress: (progress: Progress | undefined) => void,
  onUse: (model: Chosen) => void,
): Promise<void> {
  const job = models.pull(from ?? name, {
    ...defined({ as: from === undefined ? undefined : name, again }),
  });
  try {
    // `job.result` rejects with the same error.
    await follow(job, onProgress).catch(() => undefined);
    const { fallbackFor, name: downloadedName } = await job.result;
    await showSuccess(
      fallbackFor === undefined ? `Downloaded ${title}` : `Downloaded ${downloadedName} instead of ${title}`,
      fallbackFor === undefined ? note : fallbackFor.error.message,
      {
        title: 'Use It',
        onAction: () => onUse({ name: downloadedName, title: fallbackFor ? downloadedName : title }),
      },
    );
  } finally {
    onProgress(undefined);
  }
}

async function follow(
  events: AsyncIterable<{ type: string }>,
  onProgress: (progress: Progress) => void,
): Promise<void> {
  let shownMs = -Infinity;
  for await (const event of events) {
    if (!isProgress(event) || performance.now() - shownMs < RENDER_INTERVAL_MS) continue;
    shownMs = performance.now();
    onProgress(event);
  }
}

function isProgress(event: { type: string }): event is Progress {
  return event.type === 'progress';
}

/** Also cancels a download that another client started. If it has ended, the list shows the result. */
export async function cancel(models: Models, { name }: ModelRow): Promise<void> {
  if (await models.cancelPull(name))
    await showSuccess('Download Cancelled', 'Progress is saved. You can resume later.');
}

/**
 * @param task the first task of the model if omitted
 * @param preferred the model in the preferences, which overrides the default model
 */
export async function use(
  models: Models,
  { name, title }: Chosen,
  task: ModelTask | undefined,
  preferred: string | undefined,
): Promise<void> {
  const { model, task: chosenFor } = await models.use(name, defined({ task })).result;
  const { fallbackFor } = model;
  if (fallbackFor !== undefined) {
    await showSuccess(
      `Using ${model.name ?? 'another model'} instead of ${title}`,
      fallbackFor.error.message,
    );
    return;
  }
  const isOverruled = chosenFor === 'transcribe' && preferred !== undefined && preferred !== name;
  const role = chosenFor === 'transcribe' ? '' : ` for ${taskTitle(chosenFor)}`;
  await showSuccess(
    `Now using ${title}${role}`,
    isOverruled ? `Raycast still uses ${preferred} (set in preferences).` : undefined,
  );
}

export async function verify(
  models: Models,
  row: ModelRow,
  onDownload: (what: Download) => void,
): Promise<void> {
  const { files, repo, revision } = await models.verify(row.name).result;
  if (files === undefined) {
    await showSuccess(`Can’t verify ${row.title}`, 'Only downloaded models can be verified.');
    return;
  }
  const wrong = files.filter(({ state }) => state !== 'ok');
  if (wrong.length === 0) {
    await showSuccess(`${row.title} is intact`);
    return;
  }
  const downloadAgain = repo === undefined ? undefined : redownloadOf(row, repo, revision);
  await showToast({
    style: Toast.Style.Failure,
    title: `${row.title} Is Damaged`,
    message: wrong.map(({ name, state }) => `${name} is ${state}`).join(', '),
    ...defined({
      primaryAction: downloadAgain && {
        title: 'Download Again',
        onAction: () => onDownload(downloadAgain),
      },
    }),
  });
}

export async function remove(models: Models, row: ModelRow): Promise<void> {
  const isInUse = isChosen(row) || isInMemory(row.status);
  const size = row.bytes === undefined ? '' : `Frees ${bytesText(row.bytes)}. `;
  const next = row.chosenFor.includes('transcribe')
    ? 'It’s in use; Sotto will switch to the included model.'
    : isInUse
      ? 'It’s in use.'
      : 'You can download it again any time.';
  if (!(await isConfirmed(`Remove ${row.title}?`, `${size}${next}`, 'Remove'))) return;
  const { used } = await models.remove(row.name, { force: isInUse });
  await showSuccess(`Removed ${row.title}`, used?.name === undefined ? undefined : `Now using ${used.name}.`);
}

export async function unload(models: Models): Promise<void> {
  await models.unload();
  await showSuccess('Memory freed', 'The model will reload for your next dictation.');
}

/** Discards unfinished downloads. */
export async function discard(models: Models, rows: readonly ModelRow[]): Promise<void> {
  const title = rows.length === 1 ? 'Discard Partial Download?' : 'Discard All Unfinished Downloads?';
  const message = `${rows.map(({ title }) => title).join(', ')} will have to start over.`;
  if (!(await isConfirmed(title, message, 'Discard'))) return;
  const { pruned } = await models.prune();
  const bytes = pruned.reduce((sum, { bytes: each }) => sum + each, 0);
  await showSuccess(`Freed ${bytesText(bytes)}`);
}

/** By name if the catalogue has it; an unfinished download of another repository resumes from there. */
export function downloadOf(row: ModelRow): Download {
  const { name, title, partial, catalogue } = row;
  const isOther = partial !== undefined && partial.repo !== catalogue?.repo;
  return { name, title, ...(isOther && { from: partial.repo }), ...defined({ note: suitText(row) }) };
}

/** From the repository and revision of the first download. */
export function redownloadOf(
  { name, title }: ModelRow,
  repo: string,
  revision: string | undefined,
): Download {
  return { name, title, again: true, from: revision === undefined ? repo : `${repo}@${revision}` };
}

function isConfirmed(title: string, message: string, action: string): Promise<boolean> {
  const primaryAction = { title: action, style: Alert.ActionStyle.Destructive };
  return confirmAlert({ title, message, icon: Icon.Trash, primaryAction });
}

async function showSuccess(
  title: string,
  message?: string,
  primaryAction?: Toast.ActionOptions,
): Promise<void> {
  await showToast({
    style: Toast.Style.Success,
    title: capitalized(title),
    ...defined({ message: message === undefined ? undefined : capitalized(message), primaryAction }),
  });
}
