import { spawn } from 'node:child_process';

const PLAYER = '/usr/bin/afplay';

/**
 * Plays until its standard input closes: on stop, or when Raycast unloads the command, which runs no clean-up. Raycast kills
 * children that are not detached when an action ends, so this shell is detached and kills the player itself.
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
 * @param onEnd called once; with an error if playback failed
 * @returns stops playback
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
    onEnd(code === 0 || isStopped ? undefined : new Error('the audio could not be played'));
  });
  return () => {
    isStopped = true;
    child.stdin.end();
  };
}
