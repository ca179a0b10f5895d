/** The sound of a past dictation. */
import { spawn } from 'node:child_process';

const PLAYER = '/usr/bin/afplay';

/**
 * Plays until its input ends: when it is told to stop, and when the command is unloaded, which tells nobody. Raycast ends
 * what is not detached as soon as an action is through; so it is, and this shell ends the player.
 */
const SCRIPT = `
exec 3<&0
"$0" "$1" <&- 3<&- &
player=$!
{ read -r line; kill $player; } <&3 2>&- &
wait $player
ended=$?
kill $! 2>&-
exit $ended`;

/**
 * @param onEnd told once: with what went wrong, where it did not play to its end and was not stopped
 * @returns stops it
 */
export function play(path: string, onEnd: (error?: Error) => void): () => void {
  let isStopped = false;
  const child = spawn('/bin/sh', ['-c', SCRIPT, process.env.SOTTO_PLAYER ?? PLAYER, path], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin.on('error', () => undefined);
  child.on('error', onEnd);
  child.on('exit', (code) => {
    child.stdin.destroy();
    onEnd(code === 0 || isStopped ? undefined : new Error('the sound could not be played'));
  });
  return () => {
    isStopped = true;
    child.stdin.end();
  };
}
