/** Two short sounds of macOS, for those who want to hear that they are listened to. */
import { spawn } from 'node:child_process';
import type { CapturePhase } from '../../protocol/capture.js';

const PLAYER = '/usr/bin/afplay';
const SOUNDS = { begin: '/System/Library/Sounds/Tink.aiff', end: '/System/Library/Sounds/Pop.aiff' };

/** Until `begin` has begun to be heard (a process is started for it) and its loud part is over. */
const START_SOUND_MS = 300;

/** For how long the microphone hears `begin`, in milliseconds. */
export function startSoundDurationMs(platform: NodeJS.Platform = process.platform): number {
  return platform === 'darwin' ? START_SOUND_MS : 0;
}

/** What is to be heard when a take goes from one phase to another, if anything is. */
export function soundFor(before: CapturePhase, now: CapturePhase): keyof typeof SOUNDS | undefined {
  if (before === 'opening' && now === 'listening') return 'begin';
  const isGoing = before === 'opening' || before === 'listening' || before === 'paused';
  return isGoing && (now === 'finishing' || now === 'cancelled' || now === 'failed') ? 'end' : undefined;
}

/** Elsewhere than on a Mac there is nothing to be heard. */
export function play(sound: keyof typeof SOUNDS): void {
  if (process.platform !== 'darwin') return;
  spawn(PLAYER, [SOUNDS[sound]], { stdio: 'ignore' }).on('error', () => undefined);
}
