import { useCallback, useRef, useState } from 'react';
import type { PastDictation } from 'sotto/protocol';
import { play } from './play-audio';
import { playableAudio } from './history-requests';
import type { DaemonSettings } from '../lib/connect-daemon';
import { showFailure } from '../lib/show-failure';

export interface Playback {
  /** Id of the dictation that is playing: at most one at a time. */
  readonly id: string | undefined;
  readonly start: (dictation: PastDictation) => Promise<void>;
  readonly stop: () => void;
}

export function usePlayback(settings: DaemonSettings): Playback {
  const [id, setId] = useState<string | undefined>(undefined);
  const stopPlayer = useRef<(() => void) | undefined>(undefined);

  const stop = useCallback(() => {
    stopPlayer.current?.();
    stopPlayer.current = undefined;
    setId(undefined);
  }, []);
  const start = useCallback(async (dictation: PastDictation) => {
    stopPlayer.current?.();
    const path = await playableAudio(settings, dictation);
    // Another one may have been started meanwhile.
    stopPlayer.current?.();
    setId(dictation.id);
    const stopThis = play(path, (error) => {
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
