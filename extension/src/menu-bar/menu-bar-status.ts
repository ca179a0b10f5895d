import { viewOf } from 'sotto/client';
import { Color, Icon, type Image } from '@raycast/api';
import type { DaemonStatus } from 'sotto/protocol';
import { capitalized } from '../lib/deliver';
import type { MenuBarState } from './menu-bar-state';
import { bytesText, stateText } from '../models/model-text';
import { stateOf } from '../dictation/dictation-markdown';

/** Wider menus cannot be read at a glance. */
const MAX_LINE_CHARACTERS = 44;

export interface MenuBarStatus {
  readonly icon: Image.ImageLike;
  readonly text: string;
  /** The user has to fix it in Set Up Sotto. */
  readonly hasProblem?: true;
}

export function statusOf({ dictation, daemon, error }: MenuBarState): MenuBarStatus {
  switch (dictation?.phase) {
    case 'opening':
    case 'listening':
      return {
        icon: { source: Icon.Microphone, tintColor: Color.Red },
        text: stateOf(viewOf(dictation)),
      };
    case 'paused':
      return {
        icon: { source: Icon.Pause, tintColor: Color.Orange },
        text: 'Paused',
      };
    case 'finishing':
      return { icon: Icon.Hourglass, text: 'Finishing…' };
    case 'cancelled':
    case 'final':
    case 'failed':
    case 'discarded':
    case undefined:
      break;
  }
  if (error !== undefined) return problemStatus(error.message);
  if (daemon === undefined) return { icon: Icon.Microphone, text: 'Not running (starts when you dictate)' };
  if (daemon.state === 'degraded') return problemStatus(daemon.reason ?? 'Something went wrong');
  const isLoading = daemon.state === 'starting' || daemon.engine.pendingModel !== undefined;
  if (isLoading) return { icon: Icon.Hourglass, text: 'Loading the model…' };
  return {
    icon: Icon.Microphone,
    text: daemon.state === 'busy' ? 'Transcribing' : 'Ready',
  };
}

/** `In Memory · 412 MB` */
export function modelSubtitle({ engine }: DaemonStatus): string {
  const { model, figures } = engine;
  const state = stateText(model) ?? 'Loads When Needed';
  const bytes = figures?.activeBytes ?? figures?.rssBytes;
  return model.state === 'ready' && bytes !== undefined ? `${state} · ${bytesText(bytes)}` : state;
}

/** The start of a text on one line, cut between words. */
export function menuLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line.length <= MAX_LINE_CHARACTERS) return line;
  const cut = line.slice(0, MAX_LINE_CHARACTERS).replace(/\s\S*$/, '');
  return `${cut}…`;
}

function problemStatus(why: string): MenuBarStatus {
  return {
    icon: { source: Icon.MicrophoneDisabled, tintColor: Color.Red },
    text: capitalized(why),
    hasProblem: true,
  };
}
