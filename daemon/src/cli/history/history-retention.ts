/** `sotto history keep`: how long past dictations are kept, and whether with audio. */
import type { Paths } from '../../paths.js';
import { MAX_RETENTION_DAYS } from '../../protocol/history.js';
import { keepHistory } from '../../store/write-settings.js';
import { withHistory } from './open-history.js';
import { defined } from '../../protocol/defined.js';

interface RetentionChange {
  /** Infinity keeps them forever. */
  readonly days?: number;
  readonly audio?: boolean;
}

/** Deletes what the new rule no longer keeps; a running daemon applies it from its next dictation. */
export async function keep(paths: Paths, { days, audio }: RetentionChange): Promise<number> {
  if (days !== undefined || audio !== undefined) {
    await keepHistory(
      paths.settings,
      defined({ days: days === undefined ? undefined : Math.min(days, MAX_RETENTION_DAYS), audio }),
    );
  }
  return withHistory(paths, (_history, { keepDays, keepAudio }) => {
    process.stdout.write(`${retentionText(keepDays, keepAudio)}\n`);
    return 0;
  });
}

export function retentionText(days: number, hasAudio: boolean): string {
  if (days === 0) return 'Dictations aren’t kept.';
  const time = days >= MAX_RETENTION_DAYS ? 'forever' : days === 1 ? 'for a day' : `for ${days} days`;
  return `Dictations are kept ${time}, ${hasAudio ? 'with' : 'without'} audio.`;
}
