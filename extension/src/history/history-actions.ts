/** What Dictation History does with dictations. Each action shows its success; errors are the caller's. */
import { Alert, confirmAlert, showInFinder, showToast, Toast } from '@raycast/api';
import { defined, type PastDictation } from 'sotto/protocol';
import type { ExtensionSettings } from '../lib/preferences';
import {
  downloadsFolder,
  exportName,
  formatDictations,
  writeNewFile,
  type ExportFormat,
} from './export-dictations';
import { readAll, requestHistory, retranscribe, type HistoryFilter } from './history-requests';

/** The full record; this also marks a recovered dictation as read. */
export async function readDictation(
  settings: ExtensionSettings,
  { id }: PastDictation,
): Promise<PastDictation | undefined> {
  return (await requestHistory(settings, { do: 'get', id })).dictations[0];
}

/** @returns the dictation with its new text; undefined if that was cancelled, or has no speech */
export async function transcribeAgain(
  settings: ExtensionSettings,
  dictation: PastDictation,
  model: string | undefined,
): Promise<PastDictation | undefined> {
  const controller = new AbortController();
  const toast = await showToast({
    style: Toast.Style.Animated,
    title: 'Transcribing…',
    primaryAction: { title: 'Cancel', onAction: () => controller.abort() },
  });
  try {
    const changed = await retranscribe(settings, dictation, {
      signal: controller.signal,
      language: settings.language,
      onProgress: (fraction) => (toast.message = `${Math.min(100, Math.round(fraction * 100))}%`),
      ...defined({ model }),
    });
    toast.style = Toast.Style.Success;
    toast.title = changed === undefined ? 'No Speech Detected' : 'Transcribed';
    toast.message = changed === undefined ? 'Kept the existing text' : changed.model;
    return changed;
  } catch (thrown) {
    await toast.hide();
    if (controller.signal.aborted) return undefined;
    throw thrown;
  }
}

export async function exportDictation(
  settings: ExtensionSettings,
  dictation: PastDictation,
  format: ExportFormat,
): Promise<void> {
  // The list has no word timestamps.
  const whole = format === 'json' ? await readDictation(settings, dictation) : dictation;
  await save(exportName(dictation), format, [whole ?? dictation]);
}

export async function exportDictations(
  settings: ExtensionSettings,
  filter: HistoryFilter,
  format: ExportFormat,
): Promise<void> {
  const toast = await showToast({ style: Toast.Style.Animated, title: 'Exporting…' });
  try {
    await save('Dictations', format, await readAll(settings, filter));
  } catch (thrown) {
    await toast.hide();
    throw thrown;
  }
}

async function save(name: string, format: ExportFormat, dictations: readonly PastDictation[]): Promise<void> {
  const path = writeNewFile(downloadsFolder(), name, format, formatDictations(dictations, format));
  await showToast({
    title: dictations.length === 1 ? 'Exported' : `Exported ${dictations.length} Dictations`,
    message: path,
    primaryAction: { title: 'Show in Finder', onAction: () => void showInFinder(path) },
  });
}

/** Asks before one dictation is deleted; the user may choose not to be asked again. */
export function confirmDelete(): Promise<boolean> {
  return confirmAlert({
    title: 'Delete This Dictation?',
    message: 'You can undo this for 24 hours.',
    primaryAction: { title: 'Delete', style: Alert.ActionStyle.Destructive },
    rememberUserChoice: true,
  });
}

export function confirmDeleteAll(count: number): Promise<boolean> {
  return confirmAlert({
    title: `Delete ${count === 1 ? 'This Dictation' : `These ${count} Dictations`}?`,
    message: 'Deletes everything in this list. You can undo it for 24 hours.',
    primaryAction: { title: 'Delete', style: Alert.ActionStyle.Destructive },
  });
}
