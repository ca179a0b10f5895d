/** What users choose a model for: one model is chosen for each task. */
import type { Capabilities } from './capabilities.js';

export const MODEL_TASKS = ['transcribe', 'speak', 'codec', 'converse'] as const;
export type ModelTask = (typeof MODEL_TASKS)[number];

export function isModelTask(value: unknown): value is ModelTask {
  return MODEL_TASKS.some((task) => task === value);
}

/** In the order of `MODEL_TASKS`. */
export function tasksOf(capabilities: Capabilities): ModelTask[] {
  return MODEL_TASKS.filter((task) => capabilities[task] !== undefined);
}

/** Codes of the languages that a model recognizes, or else speaks; empty if it has none, as a codec. */
export function languagesOf({ transcribe, speak, converse }: Capabilities): readonly string[] {
  return (transcribe ?? speak ?? converse)?.languages ?? [];
}

/** What a model does, for people: `transcribes`. */
export const TASK_VERBS: Readonly<Record<ModelTask, string>> = {
  transcribe: 'transcribes',
  speak: 'speaks',
  codec: 'encodes audio',
  converse: 'answers',
};
