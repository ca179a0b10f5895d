import { Alert, confirmAlert, showInFinder, showToast, Toast } from '@raycast/api';
import { basename } from 'node:path';
import type { FileJob, TextFormat } from 'sotto/client';
import { deliver, type Delivery } from '../lib/deliver';
import type { FileJobs, FileJobOptions } from './file-jobs';
import { saveTranscript } from './save-transcript';
import { nameOf } from './file-labels';
import type { ExtensionSettings } from '../lib/preferences';
import { withErrorToast } from '../lib/show-failure';

export interface FileActions {
  readonly deliver: (text: string, delivery: Delivery) => Promise<void>;
  readonly save: (files: readonly FileJob[], format: TextFormat) => Promise<void>;
  /** `other` overrides the preferences. A finished transcript stays in the list. */
  readonly retranscribe: (file: FileJob, other: Partial<FileJobOptions>) => Promise<void>;
  readonly cancel: (file: FileJob) => Promise<void>;
  readonly cancelAll: (files: readonly FileJob[]) => Promise<void>;
  readonly remove: (files: readonly FileJob[]) => Promise<void>;
}

export function createFileActions(
  jobs: FileJobs,
  settings: ExtensionSettings,
  onSaved: (id: string, path: string) => void,
): FileActions {
  const cancel = async (files: readonly FileJob[], title: string): Promise<void> => {
    // Queued files have nothing to lose.
    const hasStarted = files.some(({ state }) => state === 'running');
    const question = { title, action: 'Cancel Transcription', message: 'You’d have to start over.' };
    if (!hasStarted || (await confirm(question))) await jobs.cancel(files.map(({ id }) => id));
  };
  return {
    deliver: withErrorToast((text, delivery) => deliver(text, delivery, settings.trailingSpace)),
    save: withErrorToast((files, format) => saveAll(jobs, files, format, onSaved)),
    retranscribe: withErrorToast(async ({ id, path, state }, other) => {
      await jobs.add([path], { language: settings.language, model: settings.model, ...other });
      if (state !== 'final') await jobs.forget([id]);
    }),
    cancel: withErrorToast((file) => cancel([file], `Cancel “${nameOf(file)}”?`)),
    cancelAll: withErrorToast((files) => cancel(files, `Cancel ${files.length} Files?`)),
    remove: withErrorToast((files) => removeAll(jobs, files)),
  };
}

async function removeAll(jobs: FileJobs, files: readonly FileJob[]): Promise<void> {
  const transcribed = files.filter(({ state }) => state === 'final');
  const [only] = transcribed;
  const title =
    transcribed.length === 1 && only !== undefined
      ? `Remove “${nameOf(only)}” and Its Text?`
      : `Remove ${transcribed.length} Files and Their Texts?`;
  const message = 'The original files and anything you’ve saved stay where they are.';
  if (transcribed.length > 0 && !(await confirm({ title, action: 'Remove', message }))) return;
  await jobs.forget(files.map(({ id }) => id));
}

async function saveAll(
  jobs: FileJobs,
  files: readonly FileJob[],
  format: TextFormat,
  onSaved: (id: string, path: string) => void,
): Promise<void> {
  const toast = await showToast({ style: Toast.Style.Animated, title: 'Saving…' });
  let last = '';
  try {
    for (const { id } of files) {
      last = await saveTranscript(await jobs.read(id), format);
      onSaved(id, last);
    }
  } catch (thrown) {
    await toast.hide();
    throw thrown;
  }
  toast.primaryAction = {
    title: 'Show in Finder',
    onAction: () => void showInFinder(last),
  };
  toast.style = Toast.Style.Success;
  toast.title = files.length === 1 ? `Saved as ${basename(last)}` : `Saved ${files.length} Files`;
}

function confirm({ title, action, message }: { title: string; action: string; message: string }) {
  const primaryAction = { title: action, style: Alert.ActionStyle.Destructive };
  return confirmAlert({ title, message, primaryAction });
}
