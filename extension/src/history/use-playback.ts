import { useCallback, useRef, useState } from 'react';
import type { PastDictation } from 'sotto/protocol';
import { play } from './play-audio';
import { showFailure } from '../lib/show-failure';

export interface Playback {
  /** Id of the dictation that is playing: at most one at a time. */
  readonly id: string | undefined;
  readonly start: (dictation: PastDictation) => void;
  readonly stop: () => void;
}

export function usePlayback(): Playback {
  const [id, setId] = useState<string | undefined>(undefined);
  const stopPlayer = useRef<(() => void) | undefined>(undefined);

  const stop = useCallback(() => {
    stopPlayer.current?.();
    stopPlayer.current = undefined;
    setId(undefined);
  }, []);
  const start = useCallback(({ id: playingId, audio }: PastDictation) => {
    if (audio === undefined) return;
    stopPlayer.current?.();
    setId(playingId);
    const stopThis = play(audio, (error) => {
      if (error !== undefined) void showFailure(error);
      // Another dictation may be playing by now.
      if (stopPlayer.current !== stopThis) return;
      stopPlayer.current = undefined;
      setId(undefined);
    });
    stopPlayer.current = stopThis;
  }, []);
  return { id, start, stop };
}
