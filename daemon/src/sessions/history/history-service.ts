/** Serves clients' requests for past dictations. */
import { join } from 'node:path';
import { SottoError } from '../../protocol/errors.js';
import {
  MAX_RETENTION_DAYS,
  type HistoryRetention,
  type HistoryRequest,
  type HistoryResult,
  type PastDictation,
} from '../../protocol/history.js';
import { readSettings } from '../../settings.js';
import type { StoredDictation, SearchResult, History } from '../../store/history/index.js';
import { isCompactRecording, recordingName } from '../../store/recordings.js';
import type { SpeechService } from '../speech/speech-service.js';
import { decodeRecording } from './decode-recording.js';
import { retryWhileBusy } from '../../store/history/retry-busy.js';
import { keepHistory } from '../../store/write-settings.js';
import { defined } from '../../protocol/defined.js';

/** A page ends at this size so that the first entries arrive early; a single entry may be larger. */
const MAX_ANSWER_BYTES = 512 * 1024;

interface HistoryServiceOptions {
  readonly open: () => Promise<History>;
  /** Directory of the recordings. */
  readonly recordings: string;
  /** Path of settings.json, which says how long dictations are kept. */
  readonly settings: string;
  /** Deletes dictations past their retention. */
  readonly tidy: () => Promise<void>;
  /** Decodes compact recordings. */
  readonly speeches: Pick<SpeechService, 'open'>;
}

export class HistoryService {
  readonly #options: HistoryServiceOptions;

  constructor(options: HistoryServiceOptions) {
    this.#options = options;
  }

  /** @throws SottoError DICTATION_NOT_FOUND, OUTPUT_FAILED; INVALID_ARGUMENT if settings.json is not valid */
  async handle(request: HistoryRequest): Promise<HistoryResult> {
    if (request.do === 'keep')
      return { dictations: [], hasMore: false, retention: await this.#keep(request) };
    const history = await this.#options.open();
    if (request.do === 'audio') return this.#withPlayableAudio(history, request.id);
    return retryWhileBusy(() => this.#respond(history, request));
  }

  async #withPlayableAudio(history: History, id: string): Promise<HistoryResult> {
    const { recordings, speeches } = this.#options;
    const found = await retryWhileBusy(() => known(history, id));
    if (found.audio === undefined) {
      throw new SottoError('AUDIO_NOT_FOUND', `dictation ${id} has no saved audio`, {
        hint: '`sotto history keep --audio` keeps audio from now on',
      });
    }
    if (!isCompactRecording(found.audio)) return this.#answer([found], 1);
    // Noted before the file is written: it is removed once it is a day old, because no dictation refers to it.
    await retryWhileBusy(() => history.noteRecording(recordingName(id)));
    const audio = await decodeRecording(speeches, recordings, { id, name: found.audio });
    return this.#answer([{ ...found, audio }], 1);
  }

  #respond(history: History, request: Exclude<HistoryRequest, { do: 'keep' | 'audio' }>): HistoryResult {
    switch (request.do) {
      case 'list': {
        const { do: _, ...page } = request;
        // One extra row tells whether there are more.
        return this.#answer(history.list({ ...page, limit: page.limit + 1 }), page.limit);
      }
      case 'search': {
        const { do: _, query, ...page } = request;
        return this.#answer(history.search(query, { ...page, limit: page.limit + 1 }), page.limit);
      }
      case 'get': {
        const found = known(history, request.id);
        if (found.state !== 'final') history.markRead(found.id);
        return this.#answer([found], 1);
      }
      case 'delete':
        return this.#answer(history.deleteAll(request.ids), request.ids.length);
      case 'undo': {
        const back = history.undo(request.ids);
        return this.#answer(back, back.length);
      }
      case 'set-text': {
        const { id, text, model, language } = request;
        known(history, id);
        history.setText(id, text, model, language);
        return this.#answer([known(history, id)], 1);
      }
    }
  }

  async #keep({ days, audio, compact }: Extract<HistoryRequest, { do: 'keep' }>): Promise<HistoryRetention> {
    const { settings, tidy } = this.#options;
    if (days !== undefined || audio !== undefined || compact !== undefined) {
      await keepHistory(settings, defined({ days, audio, compact }));
      await tidy();
    }
    const { keepDays, keepAudio, compactAudio: isCompact } = readSettings(settings).history;
    // A value edited by hand may exceed the limit of the protocol.
    return { days: Math.min(keepDays, MAX_RETENTION_DAYS), audio: keepAudio, compact: isCompact };
  }

  #answer(found: readonly (StoredDictation | SearchResult)[], limit: number): HistoryResult {
    const dictations: PastDictation[] = [];
    let bytes = 0;
    for (const dictation of found.slice(0, limit)) {
      const entry = this.#entry(dictation);
      bytes += Buffer.byteLength(JSON.stringify(entry));
      if (bytes > MAX_ANSWER_BYTES && dictations.length > 0) break;
      dictations.push(entry);
    }
    return { dictations, hasMore: found.length > dictations.length };
  }

  #entry({ audio, words, ...rest }: StoredDictation | SearchResult): PastDictation {
    const { marks, ...facts } = { marks: undefined, ...rest };
    return {
      ...facts,
      ...defined({
        marks: marks === undefined ? undefined : [...marks],
        audio: audio === undefined ? undefined : join(this.#options.recordings, audio),
        words: words === undefined ? undefined : [...words],
      }),
    };
  }
}

function known(history: History, id: string): StoredDictation {
  const found = history.get(id);
  if (found !== undefined) return found;
  throw new SottoError('DICTATION_NOT_FOUND', `there is no dictation ${id} in the history`);
}
