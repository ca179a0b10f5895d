/** Plays two short sounds of macOS at the start and the end of a dictation. */
import { spawn } from 'node:child_process';
import type { CapturePhase } from '../protocol/capture.js';

const PLAYER = '/usr/bin/afplay';
const SOUNDS = { begin: '/System/Library/Sounds/Tink.aiff', end: '/System/Library/Sounds/Pop.aiff' };

/** Until the player process has started and the loud part of the sound is over. */
const START_SOUND_MS = 300;

/** How long the microphone picks up the start sound, in milliseconds. */
export function startSoundDurationMs(platform: NodeJS.Platform = process.platform): number {
  return platform === 'darwin' ? START_SOUND_MS : 0;
}

/** The sound for a change of phase, if any. */
export function soundFor(before: CapturePhase, now: CapturePhase): keyof typeof SOUNDS | undefined {
  if (before === 'opening' && now === 'listening') return 'begin';
  const isGoing = before === 'opening' || before === 'listening' || before === 'paused';
  return isGoing && (now === 'finishing' || now === 'cancelled' || now === 'failed') ? 'end' : undefined;
}

/** Does nothing outside macOS. */
export function play(sound: keyof typeof SOUNDS): void {
  if (process.platform !== 'darwin') return;
  spawn(PLAYER, [SOUNDS[sound]], { stdio: 'ignore' }).on('error', () => undefined);
}
