import type { ModelsEvent, ModelStatus, ModelTask } from 'sotto/protocol';
import { languageName } from '../lib/format';
import type { ModelRow } from './model-rows';

export type Progress = Extract<ModelsEvent, { type: 'progress' }>;

/** `144 MB` */
export function bytesText(bytes: number): string {
  if (bytes < 999_500) return `${Math.round(bytes / 1e3)} KB`;
  if (bytes < 999.5e6) return `${Math.round(bytes / 1e6)} MB`;
  return `${(bytes / 1e9).toFixed(bytes < 9.95e9 ? 2 : 1)} GB`;
}

/** `24 GB`: memory is counted in powers of two. */
export function memoryText(bytes: number): string {
  return `${Math.round(bytes / 2 ** 30)} GB`;
}

/** `Downloading 42%`; undefined for an idle model. */
export function stateText({ state, fraction }: ModelStatus): string | undefined {
  const suffix = fraction === undefined || fraction <= 0 ? '…' : ` ${Math.floor(fraction * 100)}%`;
  switch (state) {
    case 'downloading':
      return `Downloading${suffix}`;
    case 'verifying':
      return `Verifying${suffix}`;
    case 'loading':
      return `Loading${suffix}`;
    case 'warming':
      return 'Warming Up…';
    case 'ready':
      return 'In Memory';
    case 'failed':
      return 'Failed';
    case 'installed':
    case 'absent':
      return undefined;
  }
}

/** `12 MB/s · 1:20 left` */
export function speedText({ bytesPerSecond, secondsLeft }: Progress): string {
  const parts = [
    ...(bytesPerSecond === undefined ? [] : [`${bytesText(bytesPerSecond)}/s`]),
    ...(secondsLeft === undefined ? [] : [`${clockText(secondsLeft)} left`]),
  ];
  return parts.join(' · ');
}

/** `62 MB of 144 MB` for an unfinished download. */
export function partialText({ partial }: ModelRow): string | undefined {
  if (partial === undefined) return undefined;
  return `${bytesText(partial.downloadedBytes)} of ${bytesText(partial.totalBytes)}`;
}

const TASK_TITLES: Readonly<Record<ModelTask, string>> = {
  transcribe: 'Transcription',
  speak: 'Speech',
  codec: 'Audio Codec',
  converse: 'Conversation',
};

export function taskTitle(task: ModelTask): string {
  return TASK_TITLES[task];
}

/** `Default` for the model that transcribes, `Default for Speech` */
export function roleText(task: ModelTask): string {
  return task === 'transcribe' ? 'Default' : `Default for ${TASK_TITLES[task]}`;
}

const MAX_NAMED_LANGUAGES = 3;

/** `English, German`, `25 Languages` */
export function languagesText(languages: readonly string[]): string {
  if (languages.length > MAX_NAMED_LANGUAGES) return `${languages.length} Languages`;
  return languages.map(languageName).join(', ');
}

/** `Recommended for English`; undefined if another model suits this Mac better. */
export function recommendedText({
  isRecommended,
  recommendedFor,
}: Pick<ModelRow, 'isRecommended' | 'recommendedFor'>): string | undefined {
  if (isRecommended) return 'Recommended';
  return recommendedFor.length === 0 ? undefined : `Recommended for ${languagesText(recommendedFor)}`;
}

/** `7.8% of words wrong (Open ASR Leaderboard, English; not measured here)` */
export function wordErrorsText({ catalogue }: Pick<ModelRow, 'catalogue'>): string | undefined {
  const { percent, publishedBy } = catalogue?.wordErrors ?? {};
  if (percent === undefined) return undefined;
  const share = `${percent.toFixed(2).replace(/\.?0+$/, '')}% of words wrong`;
  return publishedBy === undefined ? share : `${share} (${publishedBy}; not measured here)`;
}

/** For the toast after a download: what the model suits, and the figure that this rests on. */
export function suitText(row: ModelRow): string | undefined {
  const recommended = recommendedText(row);
  const errors = wordErrorsText(row);
  if (recommended === undefined) return errors;
  return `${recommended} on this Mac${errors === undefined ? '' : `: ${errors}`}`;
}

export function sourceText({ installed, partial, catalogue }: ModelRow): string {
  if (installed?.from === 'sotto') return 'Included';
  if (installed?.from === 'user') return 'Added by You';
  return installed?.repo ?? partial?.repo ?? catalogue?.repo ?? 'Unknown';
}

/** `1:05` */
function clockText(seconds: number): string {
  const whole = Math.ceil(seconds);
  const minutes = Math.floor(whole / 60);
  return `${minutes}:${String(whole % 60).padStart(2, '0')}`;
}
