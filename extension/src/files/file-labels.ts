/** A file on its way to text, in words. */
import { homedir } from 'node:os';
import { basename, dirname } from 'node:path';
import type { FileJob } from 'sotto/client';
import { clockOf, errorText, escaped } from '../dictation/dictation-markdown';

/** A very long text makes Raycast slow; all of it is copied, pasted and saved. */
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
  '*Sotto’s background service can’t open this file yet. Allow it if macOS asks; otherwise Raycast copies the file for it.*';

/** What it does now, in a word or two. */
export function stateOf({ state, position, waitsFor }: FileJob): string {
  switch (state) {
    case 'queued':
      if (waitsFor === 'file') return 'Waiting for macOS to Allow This File…';
      return position === undefined || position <= 1 ? 'Waiting' : `Waiting, ${position - 1} before it`;
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

/** 0 … 1; 0 as long as nobody knows how long the file is. */
export function progressOf({ state, doneSeconds, durationSeconds }: FileJob): number {
  if (state === 'final') return 1;
  if (durationSeconds === undefined || durationSeconds <= 0) return 0;
  return Math.min(1, doneSeconds / durationSeconds);
}

/** At the end of its row: how far it is, or how long it is. */
export function progressLabel(file: FileJob): string {
  const { state, doneSeconds, durationSeconds } = file;
  if (state === 'running' && file.waitsFor === undefined) {
    if (durationSeconds === undefined) return clockOf(doneSeconds);
    return `${Math.floor(progressOf(file) * 100)} %`;
  }
  return state === 'final' ? clockOf(durationSeconds ?? 0) : '';
}

/** `1:05 of 20:13` */
export function lengthOf({ state, doneSeconds, durationSeconds }: FileJob): string {
  if (durationSeconds === undefined) return doneSeconds > 0 ? clockOf(doneSeconds) : 'Not known yet';
  const whole = clockOf(durationSeconds);
  return state === 'final' || doneSeconds <= 0 ? whole : `${clockOf(doneSeconds)} of ${whole}`;
}

/** `12 s, 45 × as fast as it is spoken` */
export function speedOf({ summary }: FileJob): string | undefined {
  if (summary === undefined || summary.timings.total <= 0) return undefined;
  const { durationSeconds, timings } = summary;
  const times = durationSeconds / timings.total;
  const elapsed = timings.total < 60 ? `${timings.total.toFixed(1)} s` : clockOf(timings.total);
  return `${elapsed}, ${times >= 10 ? Math.round(times) : times.toFixed(1)} × as fast as it is spoken`;
}

/** @param text all of it, once it is there */
export function markdownOf(file: FileJob, text: string | undefined): string {
  switch (file.state) {
    case 'queued':
      if (file.waitsFor === 'file') return FILE_WAIT;
      return '*It is not its turn yet.*';
    case 'running':
      return runningText(file);
    case 'final':
      if (text === undefined) return '*One moment…*';
      return text === '' ? '*Nothing is said in it.*' : shown(text);
    case 'cancelled':
      return [...paragraphs(text), '> Cancelled. What was written until then is kept.'].join('\n\n');
    case 'failed': {
      const why = file.error === undefined ? 'Nobody knows why.' : errorText(file.error);
      return [...(paragraphs(text).length > 0 ? paragraphs(text) : ['# This did not work']), `> ${why}`].join(
        '\n\n',
      );
    }
  }
}

function runningText({ tail = '', tentative = '', waitsFor }: FileJob): string {
  const tentativeText = tentative.trim();
  const written = tail.trim();
  if (written === '' && tentativeText === '') {
    return waitsFor === 'model' ? '*The model is being loaded…*' : '*Listening…*';
  }
  // Cut where it begins in the middle of something.
  const start = tail.length < 1_000 ? written : `…${written.replace(/^\S*\s/, '')}`;
  return [escaped(start), ...(tentativeText === '' ? [] : [`*${escaped(tentativeText)}*`])].join(' ').trim();
}

function paragraphs(text: string | undefined): string[] {
  return text === undefined || text === '' ? [] : [shown(text)];
}

function shown(text: string): string {
  if (text.length <= MAX_SHOWN_CHARACTERS) return escaped(text);
  return `${escaped(text.slice(0, MAX_SHOWN_CHARACTERS))}…\n\n> This is the beginning. Copy, Paste and Save take all of it.`;
}
