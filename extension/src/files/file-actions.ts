/** What is done with files: asked about where something would be lost, told of where it fails. */
import { Alert, confirmAlert, showInFinder, showToast, Toast } from '@raycast/api';
import { basename } from 'node:path';
import type { FileJob, TextFormat } from 'sotto/client';
import { deliver, type Delivery } from '../lib/deliver';
import type { FileJobs, FileJobOptions } from './file-jobs';
import { saveTranscript } from './save-transcript';
import { nameOf } from './file-labels';
import type { Settings } from '../lib/preferences';
import { showFailure } from '../lib/show-failure';

export interface FileActions {
  readonly deliver: (text: string, delivery: Delivery) => Promise<void>;
  readonly save: (files: readonly FileJob[], format: TextFormat) => Promise<void>;
  /** In another language, or with another model, where one is given; a text that is there stays. */
  readonly retranscribe: (file: FileJob, other: Partial<FileJobOptions>) => Promise<void>;
  readonly cancel: (file: FileJob) => Promise<void>;
  readonly cancelAll: (files: readonly FileJob[]) => Promise<void>;
  readonly remove: (files: readonly FileJob[]) => Promise<void>;
}

export function createFileActions(
  jobs: FileJobs,
  settings: Settings,
  onSaved: (id: string, path: string) => void,
): FileActions {
  const cancel = async (files: readonly FileJob[], title: string): Promise<void> => {
    // What waits has nothing to lose.
    const hasStarted = files.some(({ state }) => state === 'running');
    const question = {
      title,
      action: 'Cancel Transcription',
      message: 'The rest of it would have to begin anew.',
    };
    if (!hasStarted || (await isConfirmed(question))) await jobs.cancel(files.map(({ id }) => id));
  };
  return {
    deliver: (text, delivery) => withErrorToast(() => deliver(text, delivery, settings.trailingSpace)),
    save: (files, format) => withErrorToast(() => saveAll(jobs, files, format, onSaved)),
    retranscribe: ({ id, path, state }, other) =>
      withErrorToast(async () => {
        await jobs.add([path], { language: settings.language, model: settings.model, ...other });
        if (state !== 'final') await jobs.forget([id]);
      }),
    cancel: (file) => withErrorToast(() => cancel([file], `Cancel “${nameOf(file)}”?`)),
    cancelAll: (files) => withErrorToast(() => cancel(files, `Cancel ${files.length} files?`)),
    remove: (files) => withErrorToast(() => removeAll(jobs, files)),
  };
}

async function removeAll(jobs: FileJobs, files: readonly FileJob[]): Promise<void> {
  const transcribed = files.filter(({ state }) => state === 'final');
  const [only] = transcribed;
  const question =
    transcribed.length === 1 && only !== undefined
      ? `Remove “${nameOf(only)}” and its text?`
      : `Remove ${transcribed.length} files and their texts?`;
  const message = 'The sound itself and what you have saved of it stay where they are.';
  if (transcribed.length > 0 && !(await isConfirmed({ title: question, action: 'Remove', message }))) return;
  await jobs.forget(files.map(({ id }) => id));
}

async function saveAll(
  jobs: FileJobs,
  files: readonly FileJob[],
  format: TextFormat,
  onSaved: (id: string, path: string) => void,
): Promise<void> {
  const toast = await showToast({
    style: Toast.Style.Animated,
    title: 'Saving…',
  });
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
  toast.title = files.length === 1 ? `Saved as ${basename(last)}` : `Saved ${files.length} files`;
}

async function withErrorToast(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    await showFailure(thrown);
  }
}

function isConfirmed(question: { title: string; action: string; message: string }): Promise<boolean> {
  const primaryAction = {
    title: question.action,
    style: Alert.ActionStyle.Destructive,
  };
  return confirmAlert({
    title: question.title,
    message: question.message,
    primaryAction,
  });
}
