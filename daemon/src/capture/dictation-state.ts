/**
 * The states of a background dictation, and the table of its transitions: a pure function from a state and an event to
 * the next state and what is to be done.
 *
 *     opening ⇄ listening ⇄ paused → finishing → final | failed
 *        └──────────┴─────────┴──→ cancelled → discarding → discarded      cancelled → finishing, if restored
 */
import type { CapturePhase } from '../protocol/capture.js';
import type { WireError } from '../protocol/errors.js';
import { defined } from '../protocol/defined.js';

/** No session transcribes the dictation any more, for this reason; it is still recorded. */
interface Untranscribed {
  readonly loss?: WireError;
}

/** Present once no more audio comes; with why, if that was not wanted. */
interface Source {
  readonly ended?: { readonly error?: WireError };
}

export type CaptureState =
  | (Untranscribed & { readonly phase: 'opening' | 'listening' | 'paused' })
  | (Untranscribed & Source & { readonly phase: 'finishing' | 'cancelled' })
  /** Waits for the session to end, and can't be restored. With an error, it then fails. */
  | { readonly phase: 'discarding'; readonly shownAs: CapturePhase; readonly error?: WireError }
  | { readonly phase: 'final'; readonly text: string; readonly error?: WireError }
  | { readonly phase: 'failed'; readonly error: WireError }
  | { readonly phase: 'discarded' };

export type StateEvent =
  /** Of the user. */
  | { readonly type: 'finish' | 'cancel' | 'restore' | 'pause' | 'resume' }
  /** A cancelled dictation can't be restored any more. */
  | { readonly type: 'restore-timeout' }
  /** The microphone gives audio, or another one has to be waited for. */
  | { readonly type: 'signal' | 'microphone-lost' }
  /** No microphone could be opened: nothing was recorded. Without an error, the user stopped it. */
  | { readonly type: 'source-unavailable'; readonly error?: WireError }
  | { readonly type: 'source-ended'; readonly error?: WireError }
  /** `problem`: why the text may be incomplete, if the source doesn't say. */
  | { readonly type: 'session-final'; readonly text: string; readonly problem?: WireError }
  | { readonly type: 'session-cancelled' }
  /** `isWorthKeeping`: whether audio is recorded that the daemon hasn't kept. */
  | { readonly type: 'session-failed'; readonly error: WireError; readonly isWorthKeeping: boolean }
  /** Another session transcribes the dictation after all. */
  | { readonly type: 'session-replaced' };

export type Effect =
  | 'stop-source'
  | 'finish-session'
  | 'cancel-session'
  | 'mark-cancelled'
  | 'unmark-cancelled'
  | 'start-restore-timer'
  | 'stop-restore-timer'
  /** Gives the recording a file of its own, because its session has ended. */
  | 'reclaim-recording'
  /** Leaves the recording to a later daemon. */
  | 'leave-recording'
  | 'end';

export interface Transition {
  readonly state: CaptureState;
  readonly effects: readonly Effect[];
}

type Recording = Extract<CaptureState, { phase: 'opening' | 'listening' | 'paused' }>;
type Ending = Extract<CaptureState, { phase: 'finishing' | 'cancelled' }>;

/** @returns undefined if the event changes nothing in this state */
export function transition(state: CaptureState, event: StateEvent): Transition | undefined {
  switch (state.phase) {
    case 'opening':
    case 'listening':
    case 'paused':
      return whileRecording(state, event);
    case 'finishing':
      return whileFinishing(state, event);
    case 'cancelled':
      return whileCancelled(state, event);
    case 'discarding':
      return whileDiscarding(state, event);
    case 'final':
    case 'failed':
    case 'discarded':
      return undefined;
  }
}

/** The phase that clients see. */
export function phaseOf(state: CaptureState): CapturePhase {
  return state.phase === 'discarding' ? state.shownAs : state.phase;
}

/** Why no session transcribes the dictation, if none does. */
export function lossOf(state: CaptureState): WireError | undefined {
  return 'loss' in state ? state.loss : undefined;
}

function whileRecording(state: Recording, event: StateEvent): Transition | undefined {
  const { phase } = state;
  const { loss } = state;
  switch (event.type) {
    case 'signal':
      return phase === 'opening' ? only({ ...state, phase: 'listening' }) : undefined;
    case 'microphone-lost':
      return phase === 'listening' ? only({ ...state, phase: 'opening' }) : undefined;
    case 'pause':
      return phase === 'listening' ? only({ ...state, phase: 'paused' }) : undefined;
    case 'resume':
      return phase === 'paused' ? only({ ...state, phase: 'listening' }) : undefined;
    case 'finish':
      return { state: { ...state, phase: 'finishing' }, effects: ['stop-source'] };
    case 'cancel':
      return {
        state: { ...state, phase: 'cancelled' },
        effects: ['stop-source', 'mark-cancelled', 'start-restore-timer'],
      };
    case 'source-ended':
      return complete({ phase: 'finishing', ended: defined({ error: event.error }), ...defined({ loss }) });
    case 'session-failed':
      if (phase === 'opening' && !event.isWorthKeeping) return failed(event.error, ['end']);
      return { state: { ...state, loss: event.error }, effects: ['reclaim-recording'] };
    default:
      return always(state, event);
  }
}

function whileFinishing(state: Ending, event: StateEvent): Transition | undefined {
  switch (event.type) {
    case 'cancel':
      return discard(state, ['stop-source', 'mark-cancelled']);
    case 'source-ended':
      return complete({ ...state, ended: defined({ error: event.error }) });
    case 'session-failed': {
      const lost = { ...state, loss: event.error };
      return state.ended === undefined ? { state: lost, effects: ['reclaim-recording'] } : complete(lost);
    }
    default:
      return always(state, event);
  }
}

function whileCancelled(state: Ending, event: StateEvent): Transition | undefined {
  switch (event.type) {
    case 'cancel':
    case 'restore-timeout':
      return discard(state, ['stop-restore-timer']);
    case 'restore': {
      const { effects, state: next } = complete({ ...state, phase: 'finishing' });
      return { state: next, effects: ['stop-restore-timer', 'unmark-cancelled', ...effects] };
    }
    case 'source-ended':
      return only({ ...state, ended: defined({ error: event.error }) });
    case 'session-failed':
      return { state: { ...state, loss: event.error }, effects: ['reclaim-recording'] };
    // The text was already on its way.
    case 'session-final':
      return { state: { phase: 'discarded' }, effects: ['end'] };
    default:
      return always(state, event);
  }
}

function whileDiscarding({ error }: { error?: WireError }, event: StateEvent): Transition | undefined {
  switch (event.type) {
    case 'session-final':
    case 'session-cancelled':
    case 'session-failed':
      return error === undefined
        ? { state: { phase: 'discarded' }, effects: ['end'] }
        : failed(error, ['end']);
    default:
      return undefined;
  }
}

/** What an event does in each of the states in which there is a recording. */
function always(state: Recording | Ending, event: StateEvent): Transition | undefined {
  switch (event.type) {
    case 'source-unavailable':
      return discard(state, [], event.error);
    case 'session-final': {
      const error = ('ended' in state ? state.ended?.error : undefined) ?? event.problem;
      return { state: { phase: 'final', text: event.text, ...defined({ error }) }, effects: ['end'] };
    }
    case 'session-cancelled':
      return { state: { phase: 'discarded' }, effects: ['end'] };
    case 'session-replaced': {
      const { loss: _, ...rest } = state;
      return rest.phase === 'finishing' ? complete(rest) : only(rest);
    }
    default:
      return undefined;
  }
}

/** Finishes the session once all audio is there. Without one, the recording is left to a later daemon. */
function complete(state: Ending): Transition {
  if (state.ended === undefined) return only(state);
  return state.loss === undefined
    ? { state, effects: ['finish-session'] }
    : failed(state.loss, ['leave-recording', 'end']);
}

/** A session that has ended sends no more events. */
function discard(state: Recording | Ending, effects: readonly Effect[], error?: WireError): Transition {
  if (state.loss === undefined) {
    const shownAs = error === undefined ? 'cancelled' : state.phase;
    return {
      state: { phase: 'discarding', shownAs, ...defined({ error }) },
      effects: [...effects, 'cancel-session'],
    };
  }
  if (error !== undefined) return failed(error, [...effects, 'end']);
  return { state: { phase: 'discarded' }, effects: [...effects, 'end'] };
}

function failed(error: WireError, effects: readonly Effect[]): Transition {
  return { state: { phase: 'failed', error }, effects };
}

function only(state: CaptureState): Transition {
  return { state, effects: [] };
}
