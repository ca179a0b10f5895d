import { showToast } from '@raycast/api';
import { deliver } from '../lib/deliver';
import type { ExtensionSettings } from '../lib/preferences';
import { withErrorToast } from '../lib/show-failure';
import { refreshMenuBar } from '../menu-bar/refresh-menu-bar';
import type { HistoryActions } from './history-action-panel';
import {
  confirmDelete,
  confirmDeleteAll,
  exportDictation,
  exportDictations,
  readDictation,
  transcribeAgain,
} from './history-actions';
import type { HistoryFilter } from './history-requests';
import { isUnread } from './history-text';
import type { useHistory } from './use-history';
import type { Playback } from './use-playback';

export function useHistoryActions(
  settings: ExtensionSettings,
  history: ReturnType<typeof useHistory>,
  playback: Playback,
  filter: HistoryFilter,
): HistoryActions {
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
      if (isUnread(dictation)) await readDictation(settings, dictation);
      await deliver(dictation.text.trim(), delivery, settings.trailingSpace);
    }),
    play: withErrorToast(playback.start),
    stop: playback.stop,
    markRead: withErrorToast(async (dictation) => {
      await readDictation(settings, dictation);
      await history.replace({ ...dictation, state: 'final' });
    }),
    transcribe: withErrorToast(async (dictation, model) => {
      const changed = await transcribeAgain(settings, dictation, model);
      if (changed === undefined) return;
      await history.replace(changed);
      await refreshMenuBar();
    }),
    exportOne: withErrorToast((dictation, format) => exportDictation(settings, dictation, format)),
    exportAll: withErrorToast((format) => exportDictations(settings, filter, format)),
    remove: withErrorToast(async ({ id }) => {
      if (await confirmDelete()) await remove([id]);
    }),
    removeAll: withErrorToast(async () => {
      const ids = history.dictations.map(({ id }) => id);
      if (await confirmDeleteAll(ids.length)) await remove(ids);
    }),
    undo: history.deleted.length === 0 ? undefined : () => undo(history.deleted),
    refresh: () => void history.refresh(),
  };
}
