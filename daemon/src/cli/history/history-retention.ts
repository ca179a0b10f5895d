/** `sotto history keep`: for how long past dictations are kept, and whether with their sound. */
import type { Paths } from '../../paths.js';
import { MAX_RETENTION_DAYS } from '../../protocol/history.js';
import { keepHistory } from '../../store/write-settings.js';
import { withHistory } from './open-history.js';
import { defined } from '../../protocol/defined.js';

interface RetentionChange {
  /** Infinity: for ever. */
  readonly days?: number;
  readonly sound?: boolean;
}

/** What is kept too long by the new rule is gone when this returns; a daemon that runs goes by it from its next take on. */
export async function keep(paths: Paths, { days, sound }: RetentionChange): Promise<number> {
  if (days !== undefined || sound !== undefined) {
    await keepHistory(paths.settings, {
      ...defined({ days: days === undefined ? undefined : Math.min(days, MAX_RETENTION_DAYS), sound }),
    });
  }
  return withHistory(paths, (_history, { keepDays, keepAudio }) => {
    process.stdout.write(`${retentionText(keepDays, keepAudio)}\n`);
    return 0;
  });
}

export function retentionText(days: number, sound: boolean): string {
  if (days === 0) return 'Dictations aren’t kept.';
  const time = days >= MAX_RETENTION_DAYS ? 'forever' : days === 1 ? 'for a day' : `for ${days} days`;
  return `Dictations are kept ${time}, ${sound ? 'with' : 'without'} audio.`;
}
