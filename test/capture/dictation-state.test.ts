/** Every state of a dictation with every event: the table below is the whole behaviour. */
import { describe, expect, test } from '@jest/globals';
import {
  phaseOf,
  transition,
  type CaptureState,
  type Effect,
  type StateEvent,
} from '#daemon/capture/dictation-state.js';
import { isOver } from '#daemon/protocol/capture.js';
import { SottoError } from '#daemon/protocol/errors.js';

const loss = new SottoError('MODEL_CORRUPT', 'the model is damaged').toWire();
const unplugged = new SottoError('MIC_UNAVAILABLE', 'unplugged').toWire();

const STATES = {
  opening: { phase: 'opening' },
  listening: { phase: 'listening' },
  paused: { phase: 'paused' },
  'listening, lost': { phase: 'listening', loss },
  finishing: { phase: 'finishing' },
  'finishing, complete': { phase: 'finishing', ended: {} },
  'finishing, unplugged': { phase: 'finishing', ended: { error: unplugged } },
  'finishing, lost': { phase: 'finishing', loss },
  cancelled: { phase: 'cancelled' },
  'cancelled, complete': { phase: 'cancelled', ended: {} },
  'cancelled, lost': { phase: 'cancelled', ended: {}, loss },
  discarding: { phase: 'discarding', shownAs: 'cancelled' },
  'discarding, unplugged': { phase: 'discarding', shownAs: 'opening', error: unplugged },
  final: { phase: 'final', text: 'text' },
  failed: { phase: 'failed', error: loss },
  discarded: { phase: 'discarded' },
} as const satisfies Record<string, CaptureState>;

const EVENTS = {
  finish: { type: 'finish' },
  cancel: { type: 'cancel' },
  restore: { type: 'restore' },
  pause: { type: 'pause' },
  resume: { type: 'resume' },
  'restore-timeout': { type: 'restore-timeout' },
  signal: { type: 'signal' },
  'microphone-lost': { type: 'microphone-lost' },
  'source-unavailable': { type: 'source-unavailable' },
  'source-failed': { type: 'source-unavailable', error: unplugged },
  'source-ended': { type: 'source-ended' },
  unplugged: { type: 'source-ended', error: unplugged },
  'session-final': { type: 'session-final', text: 'text' },
  'session-cancelled': { type: 'session-cancelled' },
  'session-failed': { type: 'session-failed', error: loss, isWorthKeeping: true },
  'session-failed early': { type: 'session-failed', error: loss, isWorthKeeping: false },
  'session-replaced': { type: 'session-replaced' },
} as const satisfies Record<string, StateEvent>;

type StateName = keyof typeof STATES;
type EventName = keyof typeof EVENTS;

const CANCEL: readonly Effect[] = ['stop-source', 'mark-cancelled', 'start-restore-timer'];

type Row = Partial<Record<EventName, string>>;

/** Rows, and parts of rows, that several states share. */
const WITH_SESSION: Row = {
  'source-unavailable': 'discarding: cancel-session',
  'source-failed': 'discarding: cancel-session',
  'source-ended': 'finishing: finish-session',
  unplugged: 'finishing: finish-session',
  'session-final': 'final: end',
  'session-cancelled': 'discarded: end',
};
const CANCELLED_SESSION: Row = {
  'session-final': 'discarded: end',
  'session-cancelled': 'discarded: end',
  'session-failed': 'cancelled: reclaim-recording',
  'session-failed early': 'cancelled: reclaim-recording',
  'session-replaced': 'cancelled',
};
const FINISHING_COMPLETE: Row = {
  cancel: 'discarding: stop-source mark-cancelled cancel-session',
  ...WITH_SESSION,
  'session-failed': 'failed: leave-recording end',
  'session-failed early': 'failed: leave-recording end',
  'session-replaced': 'finishing: finish-session',
};

/** What each event does in a state: the phase, and the effects. Any other event changes nothing. */
const TABLE: Record<StateName, Row> = {
  opening: {
    finish: 'finishing: stop-source',
    cancel: `cancelled: ${CANCEL.join(' ')}`,
    signal: 'listening',
    ...WITH_SESSION,
    'session-failed': 'opening: reclaim-recording',
    'session-failed early': 'failed: end',
    'session-replaced': 'opening',
  },
  listening: {
    finish: 'finishing: stop-source',
    cancel: `cancelled: ${CANCEL.join(' ')}`,
    pause: 'paused',
    'microphone-lost': 'opening',
    ...WITH_SESSION,
    'session-failed': 'listening: reclaim-recording',
    'session-failed early': 'listening: reclaim-recording',
    'session-replaced': 'listening',
  },
  paused: {
    finish: 'finishing: stop-source',
    cancel: `cancelled: ${CANCEL.join(' ')}`,
    resume: 'listening',
    ...WITH_SESSION,
    'session-failed': 'paused: reclaim-recording',
    'session-failed early': 'paused: reclaim-recording',
    'session-replaced': 'paused',
  },
  'listening, lost': {
    finish: 'finishing: stop-source',
    cancel: `cancelled: ${CANCEL.join(' ')}`,
    pause: 'paused',
    'microphone-lost': 'opening',
    'source-unavailable': 'discarded: end',
    'source-failed': 'failed: end',
    'source-ended': 'failed: leave-recording end',
    unplugged: 'failed: leave-recording end',
    'session-final': 'final: end',
    'session-cancelled': 'discarded: end',
    'session-failed': 'listening: reclaim-recording',
    'session-failed early': 'listening: reclaim-recording',
    'session-replaced': 'listening',
  },
  finishing: {
    cancel: 'discarding: stop-source mark-cancelled cancel-session',
    ...WITH_SESSION,
    'session-failed': 'finishing: reclaim-recording',
    'session-failed early': 'finishing: reclaim-recording',
    'session-replaced': 'finishing',
  },
  'finishing, complete': FINISHING_COMPLETE,
  'finishing, unplugged': FINISHING_COMPLETE,
  'finishing, lost': {
    cancel: 'discarded: stop-source mark-cancelled end',
    'source-unavailable': 'discarded: end',
    'source-failed': 'failed: end',
    'source-ended': 'failed: leave-recording end',
    unplugged: 'failed: leave-recording end',
    'session-final': 'final: end',
    'session-cancelled': 'discarded: end',
    'session-failed': 'finishing: reclaim-recording',
    'session-failed early': 'finishing: reclaim-recording',
    'session-replaced': 'finishing',
  },
  cancelled: {
    cancel: 'discarding: stop-restore-timer cancel-session',
    'restore-timeout': 'discarding: stop-restore-timer cancel-session',
    restore: 'finishing: stop-restore-timer unmark-cancelled',
    'source-unavailable': 'discarding: cancel-session',
    'source-failed': 'discarding: cancel-session',
    'source-ended': 'cancelled',
    unplugged: 'cancelled',
    ...CANCELLED_SESSION,
  },
  'cancelled, complete': {
    cancel: 'discarding: stop-restore-timer cancel-session',
    'restore-timeout': 'discarding: stop-restore-timer cancel-session',
    restore: 'finishing: stop-restore-timer unmark-cancelled finish-session',
    'source-unavailable': 'discarding: cancel-session',
    'source-failed': 'discarding: cancel-session',
    'source-ended': 'cancelled',
    unplugged: 'cancelled',
    ...CANCELLED_SESSION,
  },
  'cancelled, lost': {
    cancel: 'discarded: stop-restore-timer end',
    'restore-timeout': 'discarded: stop-restore-timer end',
    restore: 'failed: stop-restore-timer unmark-cancelled leave-recording end',
    'source-unavailable': 'discarded: end',
    'source-failed': 'failed: end',
    'source-ended': 'cancelled',
    unplugged: 'cancelled',
    ...CANCELLED_SESSION,
  },
  discarding: {
    'session-final': 'discarded: end',
    'session-cancelled': 'discarded: end',
    'session-failed': 'discarded: end',
    'session-failed early': 'discarded: end',
  },
  'discarding, unplugged': {
    'session-final': 'failed: end',
    'session-cancelled': 'failed: end',
    'session-failed': 'failed: end',
    'session-failed early': 'failed: end',
  },
  final: {},
  failed: {},
  discarded: {},
};

const PAIRS = Object.keys(STATES).flatMap((state) =>
  Object.keys(EVENTS).map((event) => [state as StateName, event as EventName] as const),
);

describe('the states of a dictation', () => {
  test.each(PAIRS)('%s, then %s', (state, event) => {
    const next = transition(STATES[state], EVENTS[event]);
    const { phase } = next?.state ?? {};
    const result = next && [phase, next.effects.join(' ')].filter(Boolean).join(': ');
    expect(result).toBe(TABLE[state][event]);
  });

  test('end once, with their last phase', () => {
    for (const [state, event] of PAIRS) {
      const next = transition(STATES[state], EVENTS[event]) ?? { state: STATES.listening, effects: [] };
      const ends = next.effects.filter((effect) => effect === 'end').length;
      expect([state, event, ends]).toEqual([state, event, isOver(phaseOf(next.state)) ? 1 : 0]);
    }
  });

  test('the reason of an unplugged microphone comes with the text', () => {
    const { state } = transition(STATES['finishing, unplugged'], EVENTS['session-final']) ?? {};
    expect(state).toEqual({ phase: 'final', text: 'text', error: unplugged });
  });

  test('a microphone that can’t be opened is the reason of the failure, and shown as before until then', () => {
    const { state } = transition(STATES.opening, EVENTS['source-failed']) ?? {};
    expect(state && phaseOf(state)).toBe('opening');
    expect(state && transition(state, EVENTS['session-cancelled'])?.state).toEqual({
      phase: 'failed',
      error: unplugged,
    });
  });

  test('another session transcribes a dictation that was lost', () => {
    const { state } = transition(STATES['listening, lost'], EVENTS['session-replaced']) ?? {};
    expect(state).toEqual({ phase: 'listening' });
  });
});
