/** `sotto history keep`: how long past dictations are kept, and whether with audio, or with a compact form of it. */
import type { Paths } from '../../paths.js';
import { MAX_RETENTION_DAYS } from '../../protocol/history.js';
import { keepHistory } from '../../store/write-settings.js';
import { onInterrupt } from '../interrupt.js';
import { compactAudioText } from './compact-audio.js';
import { withHistory } from './open-history.js';
import { defined } from '../../protocol/defined.js';

interface RetentionChange {
  /** Infinity keeps them forever. */
  readonly days?: number;
  readonly audio?: boolean;
  /** Whether audio is kept as the codes of a codec. */
  readonly compact?: boolean;
}

/**
 * Deletes what the new rule no longer keeps; a running daemon applies it from its next dictation.
 *
 * @throws SottoError MODEL_NOT_FOUND if compact audio is wanted and no codec is chosen
 */
export async function keep(paths: Paths, change: RetentionChange): Promise<number> {
  const { days, compact, audio = compact === true ? true : undefined } = change;
  const interrupt = onInterrupt();
  try {
    // Checked before anything is written: without a codec, the setting would have no effect.
    const costs = compact === true ? await compactAudioText(paths, interrupt.signal) : undefined;
    return await apply(paths, defined({ days, audio, compact }), costs);
  } finally {
    interrupt.release();
  }
}

async function apply(
  paths: Paths,
  { days, audio, compact }: RetentionChange,
  costs: string | undefined,
): Promise<number> {
  if (days !== undefined || audio !== undefined || compact !== undefined) {
    await keepHistory(
      paths.settings,
      defined({ days: days === undefined ? undefined : Math.min(days, MAX_RETENTION_DAYS), audio, compact }),
    );
  }
  return withHistory(paths, (_history, { keepDays, keepAudio, compactAudio: isCompact }) => {
    process.stdout.write(`${retentionText(keepDays, keepAudio, isCompact)}\n`);
    if (costs !== undefined) process.stdout.write(`${costs}\n`);
    return 0;
  });
}

export function retentionText(days: number, hasAudio: boolean, isCompact = false): string {
  if (days === 0) return 'Dictations aren’t kept.';
  const time = days >= MAX_RETENTION_DAYS ? 'forever' : days === 1 ? 'for a day' : `for ${days} days`;
  const form = hasAudio && isCompact ? 'compact ' : '';
  return `Dictations are kept ${time}, ${hasAudio ? 'with' : 'without'} ${form}audio.`;
}
