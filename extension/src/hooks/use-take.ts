/** The dictation of a view: found or begun when the view opens, followed until it is over. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { isOver, SottoError, type BackgroundCapture, type Capture, type CaptureSwitch } from 'sotto/client';
import { findOrBeginTake, type TakeOptions } from '../lib/begin-take';
import { refreshMenuBar } from '../lib/refresh-menu-bar';
import { barOf } from '../lib/take-markdown';

/** Often enough for a meter; more would only keep Raycast busy. */
const SHOW_EVERY_MS = 80;
const METER_BARS = 14;

export interface TakeView {
  readonly take: Capture | undefined;
  /** Loudness of the last second, the newest at the right. */
  readonly meter: string;
  /** Why there is no dictation, or no more. */
  readonly error: SottoError | undefined;
}

type Ask = Exclude<Parameters<BackgroundCapture['ask']>[0], 'finish'>;

const NOTHING: TakeView = { take: undefined, meter: '', error: undefined };

/** @param onFinal told once, with the last state of a dictation that has a text */
export function useTake(options: TakeOptions, onFinal: (take: Capture) => Promise<void>) {
  const [view, setView] = useState<TakeView>(NOTHING);
  const [round, setRound] = useState(0);
  const capture = useRef<BackgroundCapture | undefined>(undefined);
  const latest = useRef({ options, onFinal });
  latest.current = { options, onFinal };

  useEffect(() => {
    let isLeft = false;
    let bars = '';
    const show = (take: Capture): void => {
      bars = `${bars}${barOf(take.phase === 'listening' ? take.db : -120)}`.slice(-METER_BARS);
      setView({ take, meter: bars.padStart(METER_BARS, barOf(-120)), error: undefined });
    };
    const follow = async (): Promise<void> => {
      const found = await findOrBeginTake(latest.current.options);
      capture.current = found.capture;
      if (isLeft) return found.capture.close();
      show(found.first);
      let last = found.first;
      void refreshMenuBar();
      for await (const take of found.changes) {
        if (isLeft) return;
        if (take.phase !== last.phase && !isOver(take.phase)) void refreshMenuBar();
        last = take;
        show(take);
        if (!isOver(take.phase)) await new Promise((resolve) => setTimeout(resolve, SHOW_EVERY_MS));
      }
      // The menu bar shows the last text, too: it is drawn when that is there.
      void refreshMenuBar();
      if (last.phase === 'final') await latest.current.onFinal(last);
    };
    setView(NOTHING);
    follow().catch((thrown: unknown) => {
      if (!isLeft) setView((before) => ({ ...before, error: SottoError.from(thrown) }));
    });
    return () => {
      isLeft = true;
      capture.current?.close();
      capture.current = undefined;
    };
  }, [round]);

  /** Whether the text is to be delivered here: somebody else may have said before that all is said. */
  const finish = useCallback(async () => (await capture.current?.finish()) ?? false, []);
  const ask = useCallback((what: Ask) => capture.current?.ask(what), []);
  const change = useCallback((to: CaptureSwitch) => capture.current?.switch(to), []);
  const microphones = useCallback(async () => (await capture.current?.devices()) ?? [], []);
  const again = useCallback(() => setRound((before) => before + 1), []);
  return { ...view, finish, ask, change, microphones, again };
}
