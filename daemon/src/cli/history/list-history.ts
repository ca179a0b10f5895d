/** `sotto history list`, `show` and `search`. Results go to stdout, notes to stderr. */
import { join } from 'node:path';
import type { Paths } from '../../paths.js';
import type { Retention } from '../../settings.js';
import type { StoredDictation, SearchResult, History } from '../../store/history/index.js';
import { findByIdPrefix, jsonOf, withHistory } from './open-history.js';
import { stateColor, table, whenText, placeholderText, type TableRow } from './history-table.js';
import { clock } from '../../format-duration.js';
import { styleFor, wantsColor } from '../terminal/style.js';

interface ListFlags {
  readonly limit: number;
  readonly json: boolean;
}

/** Ids are never shown shorter, though commands accept it. */
const SHORT_ID = 8;
const MAX_ID_CHARACTERS = 64;

export function list(paths: Paths, { limit, json }: ListFlags): Promise<number> {
  return withHistory(paths, (history, retention) => {
    const found = history.list({ limit });
    if (json) print(found.map((dictation) => `${jsonOf(dictation, paths)}\n`).join(''));
    else if (found.length === 0) remark(emptyText(history, retention));
    else {
      print(tableOf(history, found));
      remarkOn(history, found);
    }
    return 0;
  });
}

export function search(paths: Paths, query: string, { limit, json }: ListFlags): Promise<number> {
  return withHistory(paths, (history, retention) => {
    const found = history.search(query, { limit, snippetLength: process.stdout.columns ?? 160 });
    if (json) print(found.map((hit) => `${jsonOf(hit, paths)}\n`).join(''));
    else if (found.length > 0) print(tableOf(history, found));
    else if (history.count() === 0) remark(emptyText(history, retention));
    else remark('no dictation contains all of these words');
    return 0;
  });
}

export function show(paths: Paths, id: string | undefined, json: boolean): Promise<number> {
  return withHistory(paths, (history, retention) => {
    const last = id ?? history.list({ limit: 1 })[0]?.id;
    if (last === undefined) {
      remark(emptyText(history, retention));
      return 1;
    }
    const dictation = findByIdPrefix(history, last);
    if (dictation === undefined) return 1;
    if (json) print(`${jsonOf(dictation, paths)}\n`);
    else {
      if (process.stdout.isTTY) print(`${headOf(dictation, paths)}\n\n`);
      const text = dictation.text.trim();
      if (text !== '') print(`${text}\n`);
      else remark(placeholderText(dictation));
    }
    if (dictation.state !== 'final') history.markRead(dictation.id);
    return 0;
  });
}

export function tableOf(history: History, found: readonly (StoredDictation | SearchResult)[]): string {
  const rows = found.map((dictation): TableRow => {
    const hit = 'snippet' in dictation ? { text: dictation.snippet, marks: dictation.marks } : {};
    return { dictation, shortId: shortId(history, dictation.id), ...hit };
  });
  return table(rows, {
    ...(process.stdout.isTTY && { columns: process.stdout.columns }),
    style: styleFor(wantsColor(process.stdout)),
    nowMs: Date.now(),
  });
}

function shortId(history: History, id: string): string {
  for (let length = SHORT_ID; length < Math.min(id.length, MAX_ID_CHARACTERS); length += 4) {
    if (history.idsStartingWith(id.slice(0, length), 2).length === 1) return id.slice(0, length);
  }
  return id;
}

function headOf(dictation: StoredDictation, paths: Paths): string {
  const style = styleFor(wantsColor(process.stdout));
  const { id, startedMs, durationSeconds, language, model, state, audio } = dictation;
  const facts = [whenText(startedMs, Date.now()), clock(durationSeconds), language, model, id];
  const marked = state === 'final' ? '' : ` · ${stateColor(dictation, style)(stateText(dictation))}`;
  const known = facts.filter((fact) => fact !== undefined && fact !== '').join(' · ');
  const sound = audio === undefined ? '' : `\n${style.dim(join(paths.recordings, audio))}`;
  return `${style.dim(known)}${marked}${sound}`;
}

function stateText({ state, errorCode }: StoredDictation): string {
  if (state === 'recovered') return 'recovered after a crash';
  if (state === 'left') return 'finished in the background';
  return errorCode === undefined ? state : `${state}: ${errorCode}`;
}

/** Notes for people: hidden rows, and dictations that need attention. */
function remarkOn(history: History, found: readonly StoredDictation[]): void {
  if (!process.stdout.isTTY) return;
  const total = history.count();
  if (total > found.length) remark(`${found.length} of ${total}; --limit ${total} shows all`);
  const recovered = found.find(({ state }) => state === 'recovered');
  if (recovered !== undefined) {
    remark(`recovered: saved after a crash — sotto history show ${shortId(history, recovered.id)}`);
  }
  const left = found.find(({ state }) => state === 'left');
  if (left !== undefined)
    remark(`left: finished in the background — sotto history show ${shortId(history, left.id)}`);
  const failed = found.find(({ state, audio }) => state === 'failed' && audio !== undefined);
  if (failed !== undefined)
    remark(`failed: to try again — sotto history retranscribe ${shortId(history, failed.id)}`);
}

function emptyText(history: History, { keepDays }: Retention): string {
  if (history.deletedCount() > 0) return 'No dictations. (Undo the last delete with `sotto history undo`.)';
  return keepDays === 0
    ? 'No dictations: they aren’t kept (`sotto history keep`).'
    : 'No dictations yet. Make one with `sotto dictate`.';
}

function print(text: string): void {
  process.stdout.write(text);
}

function remark(text: string): void {
  process.stderr.write(`${styleFor(wantsColor(process.stderr)).dim(text)}\n`);
}
