import { useState } from 'react';
import { SottoError, type SottoClient } from 'sotto/client';
import type { ModelTask } from 'sotto/protocol';
import { refreshMenuBar } from '../menu-bar/refresh-menu-bar';
import { showFailure } from '../lib/show-failure';
import { cancel, discard, download, remove, unload, use, verify, type Download } from './model-actions';
import type { ModelRow } from './model-rows';
import type { Progress } from './model-text';

export interface ModelActions {
  readonly download: (what: Download) => Promise<void>;
  readonly cancel: (row: ModelRow) => Promise<void>;
  /** @param task the first task of the model if omitted */
  readonly use: (row: Pick<ModelRow, 'name' | 'title'>, task?: ModelTask) => Promise<void>;
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
  const run = async (action: (models: SottoClient['models']) => Promise<void>): Promise<void> => {
    try {
      await action((await client()).models);
    } catch (thrown) {
      if (SottoError.from(thrown).code !== 'CANCELLED') await showFailure(thrown);
    }
    await refresh().catch(() => undefined);
    await refreshMenuBar();
  };

  const actions: ModelActions = {
    download: (what) =>
      run((models) =>
        download(
          models,
          what,
          (now) => setProgress((before) => withProgress(before, what.name, now)),
          (model) => void actions.use(model),
        ),
      ),
    cancel: (row) => run((models) => cancel(models, row)),
    use: (row, task) => run((models) => use(models, row, task, preferred)),
    verify: (row) => run((models) => verify(models, row, (what) => void actions.download(what))),
    remove: (row) => run((models) => remove(models, row)),
    unload: () => run(unload),
    discard: (rows) => run((models) => discard(models, rows)),
  };
  return { actions, progress };
}

function withProgress(
  before: ReadonlyMap<string, Progress>,
  name: string,
  now: Progress | undefined,
): ReadonlyMap<string, Progress> {
  const others = [...before].filter(([one]) => one !== name);
  return new Map(now === undefined ? others : [...others, [name, now]]);
}
