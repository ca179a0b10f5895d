import { Alert, confirmAlert, showInFinder, showToast, Toast } from '@raycast/api';
import { defined, type PastDictation } from 'sotto/protocol';
import type { HistoryActions } from './history-action-panel';
import { deliver } from '../lib/deliver';
import { requestHistory, readAll, retranscribe, type HistoryFilter } from './history-requests';
import {
  downloadsFolder,
  formatDictations,
  exportName,
  writeNewFile,
  type ExportFormat,
} from './export-dictations';
import { isUnread } from './history-text';
import type { ExtensionSettings } from '../lib/preferences';
import { refreshMenuBar } from '../menu-bar/refresh-menu-bar';
import { withErrorToast } from '../lib/show-failure';
import type { useHistory } from './use-history';
import type { Playback } from './use-playback';

export function useHistoryActions(
  settings: ExtensionSettings,
  history: ReturnType<typeof useHistory>,
  playback: Playback,
  filter: HistoryFilter,
): HistoryActions {
  /** The full record; this also marks a recovered dictation as read. */
  const read = async ({ id }: PastDictation): Promise<PastDictation | undefined> =>
    (await requestHistory(settings, { do: 'get', id })).dictations[0];

  const save = async (
    name: string,
    format: ExportFormat,
    dictations: readonly PastDictation[],
  ): Promise<void> => {
    const path = writeNewFile(downloadsFolder(), name, format, formatDictations(dictations, format));
    await showToast({
      title: dictations.length === 1 ? 'Exported' : `Exported ${dictations.length} Dictations`,
      message: path,
      primaryAction: { title: 'Show in Finder', onAction: () => void showInFinder(path) },
    });
  };

  const undo = withErrorToast(async (ids: readonly string[]) => {
    await history.undo(ids);
    await showToast({ title: ids.length === 1 ? 'Restored' : `Restored ${ids.length} Dictations` });
    await refreshMenuBar();
  });

  const remove = async (ids: readonly string[]): Promise<void> => {
    if (playback.id !== undefined && ids.includes(playback.id)) playback.stop();
    await history.remove(ids);
    await showToast({
      title: ids.length === 1 ? 'Deleted' : `Deleted ${ids.length} Dictations`,
      primaryAction: { title: 'Undo', onAction: (toast) => void toast.hide().then(() => undo(ids)) },
    });
    await refreshMenuBar();
  };

  return {
    deliver: withErrorToast(async (dictation, delivery) => {
      if (isUnread(dictation)) await read(dictation);
      await deliver(dictation.text.trim(), delivery, settings.trailingSpace);
    }),
    play: playback.start,
    stop: playback.stop,
    markRead: withErrorToast(async (dictation) => {
      await read(dictation);
      await history.replace({ ...dictation, state: 'final' });
    }),
    transcribe: withErrorToast(async (dictation, model) => {
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
        if (changed === undefined) return;
        await history.replace(changed);
        await refreshMenuBar();
      } catch (thrown) {
        await toast.hide();
        if (!controller.signal.aborted) throw thrown;
      }
    }),
    exportOne: withErrorToast(async (dictation, format) => {
      // The list has no word timestamps.
      const whole = format === 'json' ? await read(dictation) : dictation;
      await save(exportName(dictation), format, [whole ?? dictation]);
    }),
    exportAll: withErrorToast(async (format) => {
      const toast = await showToast({ style: Toast.Style.Animated, title: 'Exporting…' });
      try {
        await save('Dictations', format, await readAll(settings, filter));
      } catch (thrown) {
        await toast.hide();
        throw thrown;
      }
    }),
    remove: withErrorToast(async ({ id }) => {
      const isConfirmed = await confirmAlert({
        title: 'Delete This Dictation?',
        message: 'You can undo this for 24 hours.',
        primaryAction: { title: 'Delete', style: Alert.ActionStyle.Destructive },
        rememberUserChoice: true,
      });
      if (isConfirmed) await remove([id]);
    }),
    removeAll: withErrorToast(async () => {
      const ids = history.dictations.map(({ id }) => id);
      const what = ids.length === 1 ? 'This Dictation' : `These ${ids.length} Dictations`;
      const isConfirmed = await confirmAlert({
        title: `Delete ${what}?`,
        message: 'Deletes everything in this list. You can undo it for 24 hours.',
        primaryAction: { title: 'Delete', style: Alert.ActionStyle.Destructive },
      });
      if (isConfirmed) await remove(ids);
    }),
    undo: history.deleted.length === 0 ? undefined : () => undo(history.deleted),
    refresh: () => void history.refresh(),
  };
}
