/** The vocabulary as the daemon has it, and what is done to it. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { SottoError, type VocabularyClient } from 'sotto/client';
import type { VocabularyResult } from 'sotto/protocol';
import { withDaemon, type DaemonSettings } from '../lib/daemon';

export type RequestVocabulary = <Result extends VocabularyResult>(
  work: (vocabulary: VocabularyClient) => Promise<Result>,
) => Promise<Result>;

export interface VocabularyView {
  /** Undefined until it is known. */
  readonly kept: VocabularyResult | undefined;
  /** The same for a form that lies on top: what it was given stays as it was when it was opened. */
  readonly newest: () => VocabularyResult | undefined;
  readonly error: SottoError | undefined;
  /** Does something to it and shows what came out. @throws SottoError */
  readonly request: RequestVocabulary;
  readonly refresh: () => Promise<void>;
}

export function useVocabulary(settings: DaemonSettings): VocabularyView {
  const [kept, setKept] = useState<VocabularyResult | undefined>(undefined);
  const [error, setError] = useState<SottoError | undefined>(undefined);
  const seen = useRef<VocabularyResult | undefined>(undefined);
  const latest = useRef(settings);
  latest.current = settings;

  const request = useCallback<RequestVocabulary>(async (work) => {
    const result = await withDaemon(latest.current, ({ vocabulary }) => work(vocabulary));
    seen.current = result;
    setKept(result);
    setError(undefined);
    return result;
  }, []);
  const refresh = useCallback(async () => {
    await request((vocabulary) => vocabulary.get()).catch((thrown: unknown) => setError(SottoError.from(thrown)));
  }, []);
  useEffect(() => void refresh(), []);
  return { kept, newest: () => seen.current, error, request, refresh };
}
