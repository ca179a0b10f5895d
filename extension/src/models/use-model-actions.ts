/** What can be done with the models: by the daemon, which goes on with it when nobody looks. */
import { Alert, confirmAlert, Icon, showToast, Toast } from '@raycast/api';
import { useState } from 'react';
import { SottoError, type SottoClient } from 'sotto/client';
import { capitalized } from '../lib/deliver';
import { isInMemory, type ModelRow } from './model-rows';
import { bytesText, type Progress } from './model-text';
import { refreshMenuBar } from '../menu-bar/refresh-menu-bar';
import { showFailure } from '../lib/show-failure';
import { defined } from 'sotto/protocol';

/** More often nobody reads it. */
const RENDER_INTERVAL_MS = 200;

interface Download {
  readonly name: string;
  readonly title: string;
  /** Bring all of it once more, in the place of what is here. */
  readonly again?: boolean;
  /** Name of the repository with the revision, where the catalogue has none. */
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
  /** Looks once more at what is here. */
  readonly refresh: () => Promise<void>;
  /** Model that this extension asks for whatever is used elsewhere. */
  readonly preferred: string | undefined;
}

export function useModelActions({ client, refresh, preferred }: ModelActionDeps) {
  /** How fast the downloads are that were begun here, by name. */
  const [progress, setProgress] = useState<ReadonlyMap<string, Progress>>(new Map());

  /** Says what went wrong, but nothing of what somebody called off; then all shows what is so now. */
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
      const work = models.pull(from ?? name, {
        ...defined({ as: from === undefined ? undefined : name, again }),
      });
      try {
        // How it ends is told by its result.
        await follow(name, work).catch(() => undefined);
        const { fallbackFor, name: downloadedName } = await work.result;
        await showSuccess(
          fallbackFor === undefined ? `${title} is here` : `${downloadedName} is here, in place of ${title}`,
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
      // Whoever began it. It may have come to its end meanwhile, which the list shows.
      if (await models.cancelPull(row.name))
        await showSuccess('Download cancelled', 'What has come is kept: it goes on from there.');
    });

  const use = ({ name, title }: Pick<ModelRow, 'name' | 'title'>): Promise<void> =>
    withErrorToast(async () => {
      const { models } = await client();
      const { model } = await models.use(name).result;
      const { fallbackFor } = model;
      if (fallbackFor !== undefined) {
        await showSuccess(
          `${model.name ?? 'Another one'} is used in place of ${title}`,
          fallbackFor.error.message,
        );
        return;
      }
      const isOverruled = preferred !== undefined && preferred !== name;
      await showSuccess(
        `Now using ${title}`,
        isOverruled ? `But here in Raycast the preference Model says ${preferred}.` : undefined,
      );
    });

  const verify = (row: ModelRow): Promise<void> =>
    withErrorToast(async () => {
      const { models } = await client();
      const { files, repo, revision } = await models.verify(row.name).result;
      if (files === undefined) {
        await showSuccess(
          `Nobody knows how ${row.title} should be`,
          'Only what was downloaded can be checked.',
        );
        return;
      }
      const wrong = files.filter(({ state }) => state !== 'ok');
      if (wrong.length === 0) {
        await showSuccess(`Every byte of ${row.title} is right`);
        return;
      }
      await showToast({
        style: Toast.Style.Failure,
        title: `${row.title} is damaged`,
        message: wrong.map(({ name, state }) => `${name} is ${state}`).join(', '),
        ...defined({ primaryAction: repo === undefined ? undefined : redownloadAction(row, repo, revision) }),
      });
    });

  const redownloadAction = (
    row: ModelRow,
    repo: string,
    revision: string | undefined,
  ): Toast.ActionOptions => ({
    title: 'Download It Again',
    onAction: () => void download(redownloadOf(row, repo, revision)),
  });

  const remove = (row: ModelRow): Promise<void> =>
    withErrorToast(async () => {
      const isInUse = row.isDefault || isInMemory(row.status);
      const size = row.bytes === undefined ? '' : `${bytesText(row.bytes)} are free again. `;
      const next = isInUse
        ? 'It is in use: the model that came with Sotto takes its place.'
        : 'You can download it again at any time.';
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
        `${row.title} is removed`,
        used?.name === undefined ? undefined : `Now using ${used.name}.`,
      );
    });

  const unload = (): Promise<void> =>
    withErrorToast(async () => {
      await (await client()).models.unload();
      await showSuccess('The memory is free', 'The next dictation waits until its model is loaded again.');
    });

  const discard = (rows: readonly ModelRow[]): Promise<void> =>
    withErrorToast(async () => {
      const isConfirmed = await confirmAlert({
        title: rows.length === 1 ? 'Discard What Has Come?' : 'Discard All Unfinished Downloads?',
        message: `${rows.map(({ title }) => title).join(', ')} would have to be downloaded from the start.`,
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
      await showSuccess(`${bytesText(bytes)} are free again`);
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

/** What the catalogue has by its name; a download of another one goes on from where it was begun. */
export function downloadOf({ name, title, partial, catalogue }: ModelRow): Download {
  const isOther = partial !== undefined && partial.repo !== catalogue?.repo;
  return { name, title, ...(isOther && { from: partial.repo }) };
}

/** As it was when it was downloaded first. */
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
