import { Alert, confirmAlert, Icon, showToast, Toast } from '@raycast/api';
import { useState } from 'react';
import { SottoError, type SottoClient } from 'sotto/client';
import { capitalized } from '../lib/deliver';
import { isInMemory, type ModelRow } from './model-rows';
import { bytesText, type Progress } from './model-text';
import { refreshMenuBar } from '../menu-bar/refresh-menu-bar';
import { showFailure } from '../lib/show-failure';
import { defined } from 'sotto/protocol';

const RENDER_INTERVAL_MS = 200;

interface Download {
  readonly name: string;
  readonly title: string;
  /** Replace the installed files. */
  readonly again?: boolean;
  /** Repository and revision of a model that is not in the catalogue. */
  readonly from?: string;
}

export interface ModelActions {
  readonly download: (what: Download) => Promise<void>;
  readonly cancel: (row: ModelRow) => Promise<void>;
  readonly use: (row: Pick<ModelRow, 'name' | 'title'>) => Promise<void>;
  readonly verify: (row: ModelRow) => Promise<void>;
  readonly remove: (row: ModelRow) => Promise<void>;
  readonly unload: () => Promise<void>;
  readonly discard: (rows: readonly ModelRow[]) => Promise<void>;
}

interface ModelActionDeps {
  readonly client: () => Promise<SottoClient>;
  readonly refresh: () => Promise<void>;
  /** The model in the preferences, which overrides the default model. */
  readonly preferred: string | undefined;
}

export function useModelActions({ client, refresh, preferred }: ModelActionDeps) {
  /** Progress of the downloads started in this view, by name. */
  const [progress, setProgress] = useState<ReadonlyMap<string, Progress>>(new Map());

  /** Shows errors, but not that a request was cancelled; then refreshes the view and the menu bar. */
  const withErrorToast = async (action: () => Promise<void>): Promise<void> => {
    try {
      await action();
    } catch (thrown) {
      if (SottoError.from(thrown).code !== 'CANCELLED') await showFailure(thrown);
    }
    await refresh().catch(() => undefined);
    await refreshMenuBar();
  };

  const follow = async (name: string, events: AsyncIterable<{ type: string }>): Promise<void> => {
    let shownMs = -Infinity;
    for await (const event of events) {
      if (!isProgress(event) || performance.now() - shownMs < RENDER_INTERVAL_MS) continue;
      shownMs = performance.now();
      setProgress((before) => new Map(before).set(name, event));
    }
  };

  const download = ({ name, title, again, from }: Download): Promise<void> =>
    withErrorToast(async () => {
      const { models } = await client();
      const job = models.pull(from ?? name, {
        ...defined({ as: from === undefined ? undefined : name, again }),
      });
      try {
        // `job.result` rejects with the same error.
        await follow(name, job).catch(() => undefined);
        const { fallbackFor, name: downloadedName } = await job.result;
        await showSuccess(
          fallbackFor === undefined
            ? `Downloaded ${title}`
            : `Downloaded ${downloadedName} instead of ${title}`,
          fallbackFor?.error.message,
          {
            title: 'Use It',
            onAction: () => void use({ name: downloadedName, title: fallbackFor ? downloadedName : title }),
          },
        );
      } finally {
        setProgress((before) => new Map([...before].filter(([one]) => one !== name)));
      }
    });

  const cancel = (row: ModelRow): Promise<void> =>
    withErrorToast(async () => {
      const { models } = await client();
      // Also cancels a download that another client started. False if it has ended: then the list shows the result.
      if (await models.cancelPull(row.name))
        await showSuccess('Download Cancelled', 'Progress is saved. You can resume later.');
    });

  const use = ({ name, title }: Pick<ModelRow, 'name' | 'title'>): Promise<void> =>
    withErrorToast(async () => {
      const { models } = await client();
      const { model } = await models.use(name).result;
      const { fallbackFor } = model;
      if (fallbackFor !== undefined) {
        await showSuccess(
          `Using ${model.name ?? 'another model'} instead of ${title}`,
          fallbackFor.error.message,
        );
        return;
      }
      const isOverruled = preferred !== undefined && preferred !== name;
      await showSuccess(
        `Now using ${title}`,
        isOverruled ? `Raycast still uses ${preferred} (set in preferences).` : undefined,
      );
    });

  const verify = (row: ModelRow): Promise<void> =>
    withErrorToast(async () => {
      const { models } = await client();
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
      await showToast({
        style: Toast.Style.Failure,
        title: `${row.title} Is Damaged`,
        message: wrong.map(({ name, state }) => `${name} is ${state}`).join(', '),
        ...defined({ primaryAction: repo === undefined ? undefined : redownloadAction(row, repo, revision) }),
      });
    });

  const redownloadAction = (
    row: ModelRow,
    repo: string,
    revision: string | undefined,
  ): Toast.ActionOptions => ({
    title: 'Download Again',
    onAction: () => void download(redownloadOf(row, repo, revision)),
  });

  const remove = (row: ModelRow): Promise<void> =>
    withErrorToast(async () => {
      const isInUse = row.isDefault || isInMemory(row.status);
      const size = row.bytes === undefined ? '' : `Frees ${bytesText(row.bytes)}. `;
      const next = isInUse
        ? 'It’s in use; Sotto will switch to the included model.'
        : 'You can download it again any time.';
      const isConfirmed = await confirmAlert({
        title: `Remove ${row.title}?`,
        message: `${size}${next}`,
        icon: Icon.Trash,
        primaryAction: {
          title: 'Remove',
          style: Alert.ActionStyle.Destructive,
        },
      });
      if (!isConfirmed) return;
      const { models } = await client();
      const { used } = await models.remove(row.name, { force: isInUse });
      await showSuccess(
        `Removed ${row.title}`,
        used?.name === undefined ? undefined : `Now using ${used.name}.`,
      );
    });

  const unload = (): Promise<void> =>
    withErrorToast(async () => {
      await (await client()).models.unload();
      await showSuccess('Memory freed', 'The model will reload for your next dictation.');
    });

  const discard = (rows: readonly ModelRow[]): Promise<void> =>
    withErrorToast(async () => {
      const isConfirmed = await confirmAlert({
        title: rows.length === 1 ? 'Discard Partial Download?' : 'Discard All Unfinished Downloads?',
        message: `${rows.map(({ title }) => title).join(', ')} will have to start over.`,
        icon: Icon.Trash,
        primaryAction: {
          title: 'Discard',
          style: Alert.ActionStyle.Destructive,
        },
      });
      if (!isConfirmed) return;
      const { models } = await client();
      const { pruned } = await models.prune();
      const bytes = pruned.reduce((sum, { bytes: each }) => sum + each, 0);
      await showSuccess(`Freed ${bytesText(bytes)}`);
    });

  const actions: ModelActions = {
    download,
    cancel,
    use,
    verify,
    remove,
    unload,
    discard,
  };
  return { actions, progress };
}

/** By name if the catalogue has it; an unfinished download of another repository resumes from there. */
export function downloadOf({ name, title, partial, catalogue }: ModelRow): Download {
  const isOther = partial !== undefined && partial.repo !== catalogue?.repo;
  return { name, title, ...(isOther && { from: partial.repo }) };
}

/** From the repository and revision of the first download. */
export function redownloadOf(
  { name, title }: ModelRow,
  repo: string,
  revision: string | undefined,
): Download {
  return {
    name,
    title,
    again: true,
    from: revision === undefined ? repo : `${repo}@${revision}`,
  };
}

function isProgress(event: { type: string }): event is Progress {
  return event.type === 'progress';
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
