/** Past dictations, as clients of the daemon ask for them. */
import { join } from 'node:path';
import { SottoError } from '../../protocol/errors.js';
import type { HistoryRequest, HistoryResult, PastDictation } from '../../protocol/history.js';
import type { Dictation, Found, History } from '../../store/history/index.js';

/** An answer is one message, of which a client reads a mebibyte at most. */
const MAX_ANSWER_BYTES = 512 * 1024;

export interface HistoryDeskOptions {
  readonly open: () => Promise<History>;
  /** Folder of the recordings. */
  readonly recordings: string;
}

export class HistoryDesk {
  readonly #options: HistoryDeskOptions;

  constructor(options: HistoryDeskOptions) {
    this.#options = options;
  }

  /** @throws SottoError DICTATION_NOT_FOUND, OUTPUT_FAILED */
  async ask(request: HistoryRequest): Promise<HistoryResult> {
    const history = await this.#options.open();
    switch (request.do) {
      case 'list': {
        // One more tells whether there are more.
        const { limit, before, state } = request;
        const page = {
          limit: limit + 1,
          ...(before !== undefined && { before }),
          ...(state !== undefined && { state }),
        };
        return this.#answer(history.list(page), limit);
      }
      case 'search':
        return this.#answer(history.search(request.query, { limit: request.limit + 1 }), request.limit);
      case 'get': {
        const found = known(history, request.id);
        if (found.state === 'recovered') history.markRead(found.id);
        return this.#answer([found], 1);
      }
      case 'delete':
        return this.#answer(history.deleteAll(request.ids), request.ids.length);
      case 'undo': {
        const back = history.undo();
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

  #answer(found: readonly (Dictation | Found)[], limit: number): HistoryResult {
    const dictations: PastDictation[] = [];
    let bytes = 0;
    for (const dictation of found.slice(0, limit)) {
      const told = this.#told(dictation);
      bytes += Buffer.byteLength(JSON.stringify(told));
      if (bytes > MAX_ANSWER_BYTES && dictations.length > 0) break;
      dictations.push(told);
    }
    return { dictations, more: found.length > dictations.length };
  }

  #told({ audio, words, ...rest }: Dictation | Found): PastDictation {
    const { marks, ...facts } = { marks: undefined, ...rest };
    return {
      ...facts,
      ...(marks !== undefined && { marks: [...marks] }),
      ...(audio !== undefined && { audio: join(this.#options.recordings, audio) }),
      ...(words !== undefined && { words: [...words] }),
    };
  }
}

function known(history: History, id: string): Dictation {
  const found = history.get(id);
  if (found !== undefined) return found;
  throw new SottoError('DICTATION_NOT_FOUND', `no dictation of the history is called ${id}`);
}
