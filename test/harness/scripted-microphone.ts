/**
 * What a microphone gives, for sotto-mic with a script in place of the system's devices (`scripted-backend.c`): everything
 * behind the device is the program that users have.
 */
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

export const SCRIPTED_MIC = fileURLToPath(
  new URL(`../../../native/obj/${process.platform}-${process.arch}/mic/scripted/sotto-mic`, import.meta.url),
);
/** Its name, among the arguments of a process. */
export const MICROPHONE_PROGRAM = 'mic/scripted/sotto-mic';

export interface MicScript {
  /** The first one is the system's own. */
  readonly devices?: readonly string[];
  /** Samples a second of the device. */
  readonly rate?: number;
  /** Is connected, and never opens. */
  readonly neverOpens?: boolean;
  /** Is connected, and can't be opened. */
  readonly unopenable?: boolean;
  /** The system does not allow it. */
  readonly denied?: boolean;
  /** The system does not allow it, and gives zeros. */
  readonly forbidden?: boolean;
  /** Samples of the ramp, or of digital silence; then the device gives nothing, and is not lost. */
  readonly samples?: number;
  readonly silent?: boolean;
  /** Speech in place of the ramp: a file of 16-bit samples. Where it ends, silence. */
  readonly speech?: string;
  /** A file that is written whenever its sound begins. */
  readonly marks?: string;
  /** Digital silence in front of it, as a headset gives that is being woken. */
  readonly zeros?: number;
  /** Before each piece of a tenth of a second. */
  readonly pauseMs?: number;
  /** After its samples: the process ends; the device is gone and the system says so; or says nothing. */
  readonly dies?: boolean;
  readonly lost?: boolean;
  readonly vanishes?: boolean;
  /** After its samples the system moves the recording to a device of this name, which gives as many again. */
  readonly movesTo?: string;
  /** How often it can be opened in this home. */
  readonly lives?: number;
  /** Can't be stopped. */
  readonly deaf?: boolean;
}

/** The environment of a command that is to hear it. @param home a folder in which its lives are counted */
export function scriptedMicrophone(script: MicScript, home = ''): Record<string, string> {
  return { SOTTO_MIC: SCRIPTED_MIC, SOTTO_MIC_SCRIPT: linesOf(script, home).join('\n') };
}

function linesOf(script: MicScript, home: string): string[] {
  const { devices = ['Built-in Microphone'], rate, pauseMs, lives, marks, zeros, movesTo, speech } = script;
  const { samples = 16_000 } = script;
  const is = (flag: boolean | undefined, line: string): string[] => (flag === true ? [line] : []);
  const sound =
    speech === undefined
      ? `${script.silent === true ? 'zeros' : 'ramp'} ${samples}`
      : `speech ${samples} ${speech}`;
  return [
    ...devices.map((name) => `device ${name}`),
    ...(rate === undefined ? [] : [`rate ${rate}`]),
    ...(pauseMs === undefined ? [] : [`pause ${pauseMs}`]),
    ...(lives === undefined ? [] : [`lives ${lives} ${join(home, 'microphone-lives')}`]),
    ...is(script.neverOpens, 'never-opens'),
    ...is(script.unopenable, 'unopenable'),
    ...is(script.denied, 'denied'),
    ...is(script.forbidden, 'forbidden'),
    ...is(script.deaf, 'deaf'),
    ...(marks === undefined ? [] : [`mark ${marks}`]),
    ...(zeros === undefined ? [] : [`zeros ${zeros}`]),
    sound,
    ...(movesTo === undefined ? [] : [`name ${movesTo}`, sound]),
    ...is(script.lost, 'lose'),
    ...is(script.vanishes, 'vanish'),
    ...is(script.dies, 'exit'),
  ];
}
