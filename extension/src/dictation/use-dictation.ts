/** The dictation of a view: found or begun when the view opens, followed until it is over. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { isOver, SottoError, type CaptureClient, type Capture, type CaptureSwitch } from 'sotto/client';
import { findOrStartDictation, type DictationStartOptions } from './start-dictation';
import { refreshMenuBar } from '../menu-bar/refresh-menu-bar';
import { barOf } from './dictation-markdown';

/** Often enough for a meter; more would only keep Raycast busy. */
const RENDER_INTERVAL_MS = 80;
const METER_BARS = 14;

interface DictationView {
  readonly dictation: Capture | undefined;
  /** Loudness of the last second, the newest at the right. */
  readonly meter: string;
  /** Why there is no dictation, or no more. */
  readonly error: SottoError | undefined;
}

type CaptureCommand = Exclude<Parameters<CaptureClient['request']>[0], 'finish'>;

const NOTHING: DictationView = { dictation: undefined, meter: '', error: undefined };

/** @param onFinal told once, with the last state of a dictation that has a text */
export function useDictation(options: DictationStartOptions, onFinal: (dictation: Capture) => Promise<void>) {
  const [view, setView] = useState<DictationView>(NOTHING);
  const [round, setRound] = useState(0);
  const capture = useRef<CaptureClient | undefined>(undefined);
  const latest = useRef({ options, onFinal });
  latest.current = { options, onFinal };

  useEffect(() => {
    let isUnmounted = false;
    let bars = '';
    const show = (dictation: Capture): void => {
      bars = `${bars}${barOf(dictation.phase === 'listening' ? dictation.db : -120)}`.slice(-METER_BARS);
      setView({ dictation, meter: bars.padStart(METER_BARS, barOf(-120)), error: undefined });
    };
    const follow = async (): Promise<void> => {
      const found = await findOrStartDictation(latest.current.options);
      capture.current = found.capture;
      if (isUnmounted) return found.capture.close();
      show(found.first);
      let last = found.first;
      void refreshMenuBar();
      for await (const dictation of found.changes) {
        if (isUnmounted) return;
        if (dictation.phase !== last.phase && !isOver(dictation.phase)) void refreshMenuBar();
        last = dictation;
        show(dictation);
        if (!isOver(dictation.phase)) await new Promise((resolve) => setTimeout(resolve, RENDER_INTERVAL_MS));
      }
      // The menu bar shows the last text, too: it is drawn when that is there.
      void refreshMenuBar();
      if (last.phase === 'final') await latest.current.onFinal(last);
    };
    setView(NOTHING);
    follow().catch((thrown: unknown) => {
      if (!isUnmounted) setView((before) => ({ ...before, error: SottoError.from(thrown) }));
    });
    return () => {
      isUnmounted = true;
      capture.current?.close();
      capture.current = undefined;
    };
  }, [round]);

  /** Whether the text is to be delivered here: somebody else may have said before that all is said. */
  const finish = useCallback(async () => (await capture.current?.finish()) ?? false, []);
  const request = useCallback((what: CaptureCommand) => capture.current?.request(what), []);
  const change = useCallback((to: CaptureSwitch) => capture.current?.switch(to), []);
  const microphones = useCallback(async () => (await capture.current?.devices()) ?? [], []);
  const restart = useCallback(() => setRound((before) => before + 1), []);
  return { ...view, finish, request, change, microphones, restart };
}
