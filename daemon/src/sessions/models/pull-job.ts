/** Pulls a model from the Hub, or verifies an installed one, and reports progress as a task on its files. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelRef } from '../../protocol/ipc.js';
import { SottoError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-errors.js';
import type { ModelsEvent, ModelsResultOf } from '../../protocol/models.js';
import type { PullOptions, PullWithFallbackEvent } from '../../store/download/index.js';
import { verifyAgainstRecord } from '../../store/verify-model.js';
import type { ModelStates } from './model-states.js';
import type { ModelJob } from './model-job.js';
import { defined } from '../../protocol/defined.js';

/** Test replacements for the Hub and the disk. */
export type HubOptions = Partial<Pick<PullOptions, 'settings' | 'transport' | 'clock' | 'freeBytes'>>;

interface PullJobOptions {
  readonly models: string;
  readonly states: ModelStates;
  readonly wanted: string;
  /** Name of its directory once pulled. */
  readonly name: string;
  readonly as?: string;
  readonly again?: boolean;
  readonly hub?: HubOptions;
}

/** @throws SottoError as `pullModel` does */
export async function runPull(
  job: ModelJob,
  options: PullJobOptions,
): Promise<Omit<ModelsResultOf<'pull'>, 'chosenFor'>> {
  const { models, states, wanted, as, again, hub } = options;
  let { name } = options;
  let files = states.beginTask(name, 'downloading');
  const present = (): boolean => existsSync(join(models, name));
  try {
    // The Hub client is a third of everything the daemon could load, so the daemon starts without it.
    const { pullModelWithFallback } = await import('../../store/download/index.js');
    const pulled = await pullModelWithFallback({
      ...hub,
      models,
      wanted,
      signal: job.signal,
      ...defined({ as, again }),
      onEvent: (event) => {
        job.emit(wireEvent(event));
        if (event.type === 'progress') files.at(event.stage, partOf(event));
        if (event.type !== 'fallback' || as !== undefined) return;
        files.end({ present: present(), error: event.fallbackFor.error });
        name = event.name;
        job.pulledModel = name;
        files = states.beginTask(name, 'downloading');
      },
    });
    files.end({ present: true });
    const { record, fallbackFor } = pulled;
    return {
      do: 'pull',
      name: pulled.name,
      dir: pulled.dir,
      outcome: pulled.outcome,
      repo: record.repo,
      revision: record.revision,
      bytes: record.files.reduce((sum, { bytes }) => sum + bytes, 0),
      ...defined({
        fallbackFor:
          fallbackFor === undefined
            ? undefined
            : { name: fallbackFor.name, error: fallbackFor.error.toWire() },
      }),
    };
  } catch (thrown) {
    const error = codedError(thrown);
    // A model that was installed before the attempt still is.
    const isFailure = !present() && error.code !== 'CANCELLED';
    files.end({ present: present(), ...(isFailure && { error }) });
    throw error;
  }
}

/** @throws SottoError */
export async function runVerify(
  job: ModelJob,
  states: ModelStates,
  { name, dir }: ModelRef,
): Promise<ModelsResultOf<'verify'>> {
  const files = states.beginTask(name, 'verifying');
  try {
    const verified = await verifyAgainstRecord(dir, job.signal, (fraction) => {
      files.at('verifying', fraction);
      job.emit({ type: 'progress', stage: 'verifying', fraction });
    });
    const wrong = (verified?.files ?? []).filter(({ state }) => state !== 'ok');
    files.end({ present: true, ...(wrong.length > 0 && { error: damaged(name, wrong) }) });
    return {
      do: 'verify',
      name,
      ...(verified !== undefined && {
        repo: verified.repo,
        revision: verified.revision,
        files: [...verified.files],
      }),
    };
  } catch (error) {
    files.end({ present: existsSync(dir) });
    throw error;
  }
}

function damaged(name: string, wrong: readonly { name: string; state: string }[]): SottoError {
  const what = wrong.map((file) => `${file.name} is ${file.state}`).join(', ');
  return new SottoError('MODEL_CORRUPT', `${name} does not match its download: ${what}`, {
    hint: `download it again: \`sotto models pull ${name} --again\``,
  });
}

function wireEvent(event: PullWithFallbackEvent): ModelsEvent {
  switch (event.type) {
    case 'resolving':
    case 'waiting':
      return event;
    case 'found': {
      const { model, name, downloadedBytes } = event;
      const { repo, commit, files, bytes } = model;
      return { type: 'found', name, repo, revision: commit, files: files.length, bytes, downloadedBytes };
    }
    case 'progress':
      return { ...event, fraction: partOf(event) };
    case 'retry':
      return { type: 'retry', why: event.why, waitSeconds: event.waitMs / 1000 };
    case 'fallback': {
      const { name, error } = event.fallbackFor;
      return { type: 'fallback', name: event.name, fallbackFor: { name, error: error.toWire() } };
    }
  }
}

function partOf({ doneBytes, totalBytes }: { doneBytes: number; totalBytes: number }): number {
  return totalBytes > 0 ? Math.min(1, Math.max(0, doneBytes / totalBytes)) : 1;
}
