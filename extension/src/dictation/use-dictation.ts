import { setTimeout as sleep } from 'node:timers/promises';
import { useCallback, useEffect, useRef, useState } from 'react';
import {
  followDictation,
  isOver,
  SottoClient,
  SottoError,
  viewOf,
  type CaptureClient,
  type CaptureSwitch,
  type DictationView,
} from 'sotto/client';
import { sottoPaths } from '../lib/sotto-paths';
import { findOrStartDictation, type DictationStartOptions } from './start-dictation';
import { refreshMenuBar } from '../menu-bar/refresh-menu-bar';
import { barOf } from './dictation-markdown';

/** Smooth enough for a meter; faster would only keep Raycast busy. */
const RENDER_INTERVAL_MS = 80;
/** 1.9 s of audio. */
const METER_BARS = 24;

interface ViewState {
  readonly dictation: DictationView | undefined;
  /** Loudness as block characters, the newest last. */
  readonly meter: string;
  /** Why the dictation could not start, or its process died. */
  readonly error: SottoError | undefined;
}

type CaptureCommand = Exclude<Parameters<CaptureClient['request']>[0], 'finish'>;

const NOTHING: ViewState = { dictation: undefined, meter: '', error: undefined };

/** The capture process starts the daemon. */
const connectToText = (): Promise<SottoClient> => SottoClient.connect(sottoPaths().socket, 'raycast');

/**
 * Joins or starts the dictation when the view opens, and follows it until it ends.
 * @param onFinal called once, with the last state of a dictation that ended with a text
 */
export function useDictation(
  options: DictationStartOptions,
  onFinal: (dictation: DictationView) => Promise<void>,
) {
  const [view, setView] = useState<ViewState>(NOTHING);
  const [round, setRound] = useState(0);
  const capture = useRef<CaptureClient | undefined>(undefined);
  const latest = useRef({ options, onFinal });
  latest.current = { options, onFinal };

  useEffect(() => {
    let isUnmounted = false;
    let bars = '';
    const show = (dictation: DictationView): void => {
      bars = `${bars}${barOf(dictation.phase === 'listening' ? dictation.db : -120)}`.slice(-METER_BARS);
      const padded = bars.padStart(METER_BARS, barOf(-120));
      // Hair spaces: adjacent blocks would merge into one shape.
      setView({ dictation, meter: [...padded].join('\u200A'), error: undefined });
    };
    const follow = async (): Promise<void> => {
      const found = await findOrStartDictation(latest.current.options);
      capture.current = found.capture;
      if (isUnmounted) return found.capture.close();
      let last = viewOf(found.first);
      show(last);
      void refreshMenuBar();
      for await (const dictation of followDictation(found.capture, connectToText, found.changes)) {
        if (isUnmounted) return;
        if (dictation.phase !== last.phase && !isOver(dictation.phase)) void refreshMenuBar();
        last = dictation;
        show(dictation);
        if (!isOver(dictation.phase)) await sleep(RENDER_INTERVAL_MS);
      }
      // The menu bar shows the last transcript.
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

  /** Resolves to whether this view delivers the text: another command may have finished the dictation first. */
  const finish = useCallback(async () => (await capture.current?.finish()) ?? false, []);
  const request = useCallback((command: CaptureCommand) => capture.current?.request(command), []);
  const change = useCallback((to: CaptureSwitch) => capture.current?.switch(to), []);
  const microphones = useCallback(async () => (await capture.current?.devices()) ?? [], []);
  const restart = useCallback(() => setRound((before) => before + 1), []);
  return { ...view, finish, request, change, microphones, restart };
}
