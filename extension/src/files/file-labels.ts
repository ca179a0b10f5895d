import { homedir } from 'node:os';
import { basename, dirname } from 'node:path';
import type { FileJob } from 'sotto/client';
import { formatClock } from '../lib/format';
import { errorText, escapeMarkdown } from '../lib/markdown';

/** Raycast is slow with very long texts. */
const MAX_SHOWN_CHARACTERS = 20_000;

export function nameOf({ path }: Pick<FileJob, 'path'>): string {
  return basename(path);
}

/** `~/Downloads` */
export function folderOf({ path }: Pick<FileJob, 'path'>, home = homedir()): string {
  const folder = dirname(path);
  return folder === home || folder.startsWith(`${home}/`) ? `~${folder.slice(home.length)}` : folder;
}

const FILE_WAIT =
  '*Sotto’s background service can’t open this file yet. Allow access if macOS asks; otherwise Raycast copies the file for it.*';

export function stateOf({ state, position, waitsFor }: FileJob): string {
  switch (state) {
    case 'queued':
      if (waitsFor === 'file') return 'Waiting for macOS to Allow This File…';
      return position === undefined || position <= 1 ? 'Waiting…' : `Waiting (${position - 1} ahead)`;
    case 'running':
      if (waitsFor === 'model') return 'Loading the model…';
      return waitsFor === 'engine' ? 'Starting the engine…' : 'Transcribing…';
    case 'final':
      return 'Done';
    case 'cancelled':
      return 'Cancelled';
    case 'failed':
      return 'Failed';
  }
}

/** 0 … 1; 0 while the length of the file is unknown. */
export function progressOf({ state, doneSeconds, durationSeconds }: FileJob): number {
  if (state === 'final') return 1;
  if (durationSeconds === undefined || durationSeconds <= 0) return 0;
  return Math.min(1, doneSeconds / durationSeconds);
}

/** The end of the row: progress while running, length when done. */
export function progressLabel(file: FileJob): string {
  const { state, doneSeconds, durationSeconds } = file;
  if (state === 'running' && file.waitsFor === undefined) {
    if (durationSeconds === undefined) return formatClock(doneSeconds);
    return `${Math.floor(progressOf(file) * 100)}%`;
  }
  return state === 'final' ? formatClock(durationSeconds ?? 0) : '';
}

/** `1:05 of 20:13` */
export function lengthOf({ state, doneSeconds, durationSeconds }: FileJob): string {
  if (durationSeconds === undefined) return doneSeconds > 0 ? formatClock(doneSeconds) : 'Unknown';
  const whole = formatClock(durationSeconds);
  return state === 'final' || doneSeconds <= 0 ? whole : `${formatClock(doneSeconds)} of ${whole}`;
}

/** `12.3 s (45× real time)` */
export function speedOf({ summary }: FileJob): string | undefined {
  if (summary === undefined || summary.timings.total <= 0) return undefined;
  const { durationSeconds, timings } = summary;
  const times = durationSeconds / timings.total;
  const elapsed = timings.total < 60 ? `${timings.total.toFixed(1)} s` : formatClock(timings.total);
  return `${elapsed} (${times >= 10 ? Math.round(times) : times.toFixed(1)}× real time)`;
}

/** @param text the full text, once it is read */
export function markdownOf(file: FileJob, text: string | undefined): string {
  switch (file.state) {
    case 'queued':
      if (file.waitsFor === 'file') return FILE_WAIT;
      return '*Waiting…*';
    case 'running':
      return runningText(file);
    case 'final':
      if (text === undefined) return '*One moment…*';
      return text === '' ? '*No speech detected.*' : shown(text);
    case 'cancelled':
      return [...paragraphs(text), '> Cancelled. The text so far is kept.'].join('\n\n');
    case 'failed': {
      const why = file.error === undefined ? 'Unknown error.' : errorText(file.error);
      return [
        ...(paragraphs(text).length > 0 ? paragraphs(text) : ['# Transcription failed']),
        `> ${why}`,
      ].join('\n\n');
    }
  }
}

function runningText({ tail = '', tentative = '', waitsFor }: FileJob): string {
  const tentativeText = tentative.trim();
  const written = tail.trim();
  if (written === '' && tentativeText === '') {
    return waitsFor === 'model' ? '*Loading the model…*' : '*Listening…*';
  }
  // The tail of a long text starts mid-word.
  const start = tail.length < 1_000 ? written : `…${written.replace(/^\S*\s/, '')}`;
  return [escapeMarkdown(start), ...(tentativeText === '' ? [] : [`*${escapeMarkdown(tentativeText)}*`])]
    .join(' ')
    .trim();
}

function paragraphs(text: string | undefined): string[] {
  return text === undefined || text === '' ? [] : [shown(text)];
}

function shown(text: string): string {
  if (text.length <= MAX_SHOWN_CHARACTERS) return escapeMarkdown(text);
  return `${escapeMarkdown(text.slice(0, MAX_SHOWN_CHARACTERS))}…\n\n> Preview only. Copy, Paste, and Save use the full text.`;
}
