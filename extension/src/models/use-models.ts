/** The models as they are now: listed when something has come or gone, followed while it loads or is downloaded. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { SharedConnection, SottoError, type SottoClient } from 'sotto/client';
import type { ModelsList, ModelStatus } from 'sotto/protocol';
import { connectDaemon } from '../lib/daemon';
import type { SottoCommand } from '../lib/find-sotto';
import type { States } from './model-rows';

/** A daemon that has gone is back as quickly as this, or has to be started. */
const RECONNECT_DELAY_MS = 1_000;

interface ModelsView {
  readonly list: ModelsList | undefined;
  readonly states: States;
  /** Why nothing is shown, or nothing new. */
  readonly error: SottoError | undefined;
}

const NOTHING: ModelsView = {
  list: undefined,
  states: new Map(),
  error: undefined,
};

export function useModels(sotto: () => SottoCommand) {
  const [view, setView] = useState<ModelsView>(NOTHING);
  const [round, setRound] = useState(0);
  const connections = useRef<SharedConnection | undefined>(undefined);

  useEffect(() => {
    const own = new SharedConnection(() => connectDaemon(sotto));
    connections.current = own;
    let isUnmounted = false;
    let isConnected = false;
    const follow = async (): Promise<void> => {
      isConnected = false;
      const { models } = await own.get();
      isConnected = true;
      let seen = '';
      for await (const states of models.watch()) {
        if (isUnmounted) return;
        const shape = shapeOf(states);
        // Sizes and places are worth a look only when something has moved.
        const list = shape === seen ? undefined : await models.list();
        seen = shape;
        setView((before) => ({
          list: list ?? before.list,
          states: byName(states),
          error: undefined,
        }));
      }
    };
    const keepFollowing = async (): Promise<void> => {
      while (!isUnmounted) {
        const error = await follow().then(() => undefined, SottoError.from);
        if (isUnmounted) return;
        setView((before) => ({ ...before, error }));
        // What somebody has to mend first is not tried again and again; a daemon that has gone is.
        if (!isConnected) return;
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_DELAY_MS));
      }
    };
    void keepFollowing();
    return () => {
      isUnmounted = true;
      own.close();
    };
  }, [round]);

  /** @throws SottoError CANCELLED when the view is left */
  const client = useCallback(async (): Promise<SottoClient> => {
    if (connections.current === undefined) throw new SottoError('CANCELLED', 'the view is not there yet');
    return connections.current.get();
  }, []);
  const retry = useCallback(() => {
    setView(NOTHING);
    setRound((before) => before + 1);
  }, []);
  /** Looks once more: which one is used is told by the list alone. */
  const refresh = useCallback(async () => {
    const list = await (await client()).models.list();
    setView((before) => ({ ...before, list }));
  }, []);
  return { ...view, client, retry, refresh };
}

function shapeOf(states: readonly ModelStatus[]): string {
  return states
    .map(({ name, state }) => `${name} ${state}`)
    .sort()
    .join('\n');
}

function byName(states: readonly ModelStatus[]): States {
  return new Map(states.flatMap((status) => (status.name === undefined ? [] : [[status.name, status]])));
}
