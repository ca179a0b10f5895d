import { SottoError, type SottoClient } from 'sotto/client';
import {
  defined,
  MAX_HISTORY_PAGE,
  type HistoryRequest,
  type HistoryResult,
  type PastDictation,
} from 'sotto/protocol';
import { withDaemon, type DaemonSettings } from '../lib/connect-daemon';

export type StateFilter = 'all' | PastDictation['state'];

export interface HistoryFilter {
  /** Search words; empty means all dictations. */
  readonly query: string;
  readonly stateFilter: StateFilter;
}

export function requestHistory(settings: DaemonSettings, request: HistoryRequest): Promise<HistoryResult> {
  return withDaemon(settings, (client) => client.history(request));
}

/** @param after the last dictation of the previous page */
export function pageRequest(
  { query, stateFilter }: HistoryFilter,
  limit: number,
  after?: PastDictation,
): HistoryRequest {
  const page = {
    limit,
    ...defined({
      before: after?.startedMs,
      beforeId: after?.id,
      state: stateFilter === 'all' ? undefined : stateFilter,
    }),
  };
  const words = query.trim();
  return words === '' ? { do: 'list', ...page } : { do: 'search', query: words.slice(0, 1000), ...page };
}

/** All pages, the most recent dictation first. */
export function readAll(settings: DaemonSettings, filter: HistoryFilter): Promise<PastDictation[]> {
  return withDaemon(settings, async (client) => {
    const all: PastDictation[] = [];
    for (;;) {
      const { dictations, hasMore } = await client.history(pageRequest(filter, MAX_HISTORY_PAGE, all.at(-1)));
      all.push(...dictations);
      if (!hasMore || dictations.length === 0) return all;
    }
  });
}

/** Moves them to the trash, where they stay for a day. */
export function deleteDictations(settings: DaemonSettings, ids: readonly string[]): Promise<void> {
  return inPages(settings, ids, 'delete');
}

export function restoreDictations(settings: DaemonSettings, ids: readonly string[]): Promise<void> {
  return inPages(settings, ids, 'undo');
}

function inPages(
  settings: DaemonSettings,
  ids: readonly string[],
  request: 'delete' | 'undo',
): Promise<void> {
  return withDaemon(settings, async (client) => {
    for (let at = 0; at < ids.length; at += MAX_HISTORY_PAGE) {
      await client.history({ do: request, ids: ids.slice(at, at + MAX_HISTORY_PAGE) });
    }
  });
}

/** The path of the audio, which a compact recording is decoded to. @throws SottoError AUDIO_NOT_FOUND, MODEL_NOT_FOUND */
export function playableAudio(settings: DaemonSettings, { id, audio }: PastDictation): Promise<string> {
  return withDaemon(settings, (client) => playablePath(client, { id, audio }));
}

async function playablePath(
  client: Pick<SottoClient, 'history'>,
  { id, audio }: { readonly id: string; readonly audio: string | undefined },
): Promise<string> {
  const isCompact = audio?.endsWith('.codes') === true;
  const path = isCompact ? (await client.history({ do: 'audio', id })).dictations[0]?.audio : audio;
  if (path === undefined) throw new SottoError('AUDIO_NOT_FOUND', 'this dictation has no saved audio');
  return path;
}

interface RetranscribeOptions {
  /** The default model if omitted. */
  readonly model?: string;
  readonly language?: string | undefined;
  readonly signal: AbortSignal;
  /** 0 … 1 */
  readonly onProgress: (fraction: number) => void;
}

/**
 * Transcribes the saved audio again and replaces the text, unless no speech is detected this time.
 * @returns the changed dictation, or undefined if the text was kept
 */
export async function retranscribe(
  settings: DaemonSettings,
  { id, text: before, audio, durationSeconds }: PastDictation,
  { model, language, signal, onProgress }: RetranscribeOptions,
): Promise<PastDictation | undefined> {
  return withDaemon(settings, async (client) => {
    const path = await playablePath(client, { id, audio });
    let text = '';
    const options = { timestamps: 'auto' as const, ...defined({ language }) };
    const call = { signal, ...defined({ model }) };
    for await (const event of client.transcribe(path, options, call)) {
      if (event.type === 'segment') text += event.segment.text;
      if (event.type === 'progress') onProgress(durationSeconds > 0 ? event.seconds / durationSeconds : 0);
      if (event.type !== 'final') continue;
      if (text.trim() === '' && before.trim() !== '') return undefined;
      const { model: used, language: spoken } = event.summary;
      const request = { do: 'set-text' as const, id, text: text.trim(), model: used, language: spoken };
      return (await client.history(request)).dictations[0];
    }
    throw new SottoError('INTERNAL', 'the transcription ended without a result');
  });
}
