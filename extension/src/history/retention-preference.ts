import { Alert, confirmAlert, LocalStorage } from '@raycast/api';
import { defined, type HistoryRetention } from 'sotto/protocol';
import type { DaemonSettings } from '../lib/connect-daemon';
import { requestHistory } from './history-requests';
import { retentionText } from './history-text';

interface Retention {
  /** Undefined leaves Sotto's own setting as it is; so do the others. */
  readonly keepDays: number | undefined;
  readonly keepAudio: boolean | undefined;
  readonly compactAudio: boolean | undefined;
}

/** The retention that the user last declined: not asked again until the preferences change. */
const DECLINED_KEY = 'history-retention-refused';

/** Applies the preferences, and confirms first if that deletes dictations. @returns the retention now in effect */
export async function applyRetentionPreference(
  settings: DaemonSettings & Retention,
): Promise<HistoryRetention | undefined> {
  const { retention: now } = await requestHistory(settings, { do: 'keep' });
  if (now === undefined) return undefined;
  const compact = settings.compactAudio ?? now.compact;
  const { days, audio } = { days: settings.keepDays ?? now.days, audio: settings.keepAudio ?? now.audio };
  if (days === now.days && audio === now.audio && compact === now.compact) return now;
  const preferred = { days, audio, ...defined({ compact }) };
  if (keepsLess(preferred, now) && !(await confirmRetention(preferred))) return now;
  return (await requestHistory(settings, { do: 'keep', ...preferred })).retention;
}

function keepsLess(preferred: HistoryRetention, now: HistoryRetention): boolean {
  return preferred.days < now.days || (now.audio && !preferred.audio);
}

async function confirmRetention(preferred: HistoryRetention): Promise<boolean> {
  const declined = JSON.stringify(preferred);
  if ((await LocalStorage.getItem(DECLINED_KEY)) === declined) return false;
  const isConfirmed = await confirmAlert({
    title: 'Delete Older Dictations?',
    message:
      `Your preferences change how long dictations are kept. From now on, they’re ${retentionText(preferred)}. ` +
      'Older dictations go to the trash and are deleted a day later.',
    primaryAction: { title: 'Delete', style: Alert.ActionStyle.Destructive },
    dismissAction: { title: 'Keep Them' },
  });
  if (isConfirmed) await LocalStorage.removeItem(DECLINED_KEY);
  else await LocalStorage.setItem(DECLINED_KEY, declined);
  return isConfirmed;
}
