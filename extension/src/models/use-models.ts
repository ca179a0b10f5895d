import { setTimeout as sleep } from 'node:timers/promises';
import { useCallback, useEffect, useRef, useState } from 'react';
import { SharedConnection, SottoError, type SottoClient } from 'sotto/client';
import type { ModelsList, ModelStatus } from 'sotto/protocol';
import { connectDaemon } from '../lib/connect-daemon';
import type { SottoCommand } from '../lib/find-sotto';
import type { States } from './model-rows';

/** A restarted daemon is back by then; otherwise the next attempt starts one. */
const RECONNECT_DELAY_MS = 1_000;

interface ModelsView {
  readonly list: ModelsList | undefined;
  readonly states: States;
  /** Why the list is missing or outdated. */
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
    const connection = new SharedConnection(() => connectDaemon(sotto));
    connections.current = connection;
    let isUnmounted = false;
    let isConnected = false;
    const follow = async (): Promise<void> => {
      isConnected = false;
      const { models } = await connection.get();
      isConnected = true;
      let shownStates = '';
      for await (const states of models.watch()) {
        if (isUnmounted) return;
        const shape = shapeOf(states);
        // The list itself changes only when a model changes its state.
        const list = shape === shownStates ? undefined : await models.list();
        shownStates = shape;
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
        // Reconnect to a lost daemon; one that never connected needs the user first.
        if (!isConnected) return;
        await sleep(RECONNECT_DELAY_MS);
      }
    };
    void keepFollowing();
    return () => {
      isUnmounted = true;
      connection.close();
    };
  }, [round]);

  /** @throws SottoError CANCELLED when the view closes */
  const client = useCallback(async (): Promise<SottoClient> => {
    if (connections.current === undefined) throw new SottoError('CANCELLED', 'the view is not connected yet');
    return connections.current.get();
  }, []);
  const retry = useCallback(() => {
    setView(NOTHING);
    setRound((before) => before + 1);
  }, []);
  /** Only the list, not the watched states, tells which model is the default. */
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
