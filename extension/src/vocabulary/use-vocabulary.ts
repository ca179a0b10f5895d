import { useCallback, useEffect, useRef, useState } from 'react';
import { SottoError, type VocabularyClient } from 'sotto/client';
import type { VocabularyResult } from 'sotto/protocol';
import { withDaemon, type DaemonSettings } from '../lib/connect-daemon';

type RequestVocabulary = <Result extends VocabularyResult>(
  work: (vocabulary: VocabularyClient) => Promise<Result>,
) => Promise<Result>;

export interface VocabularyView {
  /** Undefined until it is loaded. */
  readonly current: VocabularyResult | undefined;
  /** The latest `current`, for a form on top: its own props stay as they were when it was pushed. */
  readonly latest: () => VocabularyResult | undefined;
  readonly error: SottoError | undefined;
  /** Sends a request and shows the resulting vocabulary. @throws SottoError */
  readonly request: RequestVocabulary;
  readonly refresh: () => Promise<void>;
}

export function useVocabulary(settings: DaemonSettings): VocabularyView {
  const [current, setCurrent] = useState<VocabularyResult | undefined>(undefined);
  const [error, setError] = useState<SottoError | undefined>(undefined);
  const latestResult = useRef<VocabularyResult | undefined>(undefined);
  const latestSettings = useRef(settings);
  latestSettings.current = settings;

  const request = useCallback<RequestVocabulary>(async (work) => {
    const result = await withDaemon(latestSettings.current, ({ vocabulary }) => work(vocabulary));
    latestResult.current = result;
    setCurrent(result);
    setError(undefined);
    return result;
  }, []);
  const refresh = useCallback(async () => {
    await request((vocabulary) => vocabulary.get()).catch((thrown: unknown) =>
      setError(SottoError.from(thrown)),
    );
  }, []);
  useEffect(() => void refresh(), []);
  return { current, latest: () => latestResult.current, error, request, refresh };
}
