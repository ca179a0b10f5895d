/**
 * Scripts the microphone of sotto-mic in place of the system's devices (`scripted-backend.c`); everything else is the
 * real program.
 */
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

export const SCRIPTED_MIC = fileURLToPath(
  new URL(`../../../native/obj/${process.platform}-${process.arch}/mic/scripted/sotto-mic`, import.meta.url),
);
/** The program's name in the arguments of a process. */
export const MICROPHONE_PROGRAM = 'mic/scripted/sotto-mic';

export interface MicScript {
  /** The first one is the system default. */
  readonly devices?: readonly string[];
  /** Sample rate of the device. */
  readonly rate?: number;
  /** It is connected but never opens. */
  readonly neverOpens?: boolean;
  /** It is connected but can't be opened. */
  readonly unopenable?: boolean;
  /** Access is denied. */
  readonly denied?: boolean;
  /** Access is denied and the system delivers zeros. */
  readonly forbidden?: boolean;
  /** Number of samples of the ramp or of silence; then the device delivers nothing but is not lost. */
  readonly samples?: number;
  readonly silent?: boolean;
  /** A file of 16-bit speech samples instead of the ramp, followed by silence. */
  readonly speech?: string;
  /** A file that is written whenever audio starts. */
  readonly marks?: string;
  /** Leading digital silence, as from a headset that wakes up. */
  readonly zeros?: number;
  /** Pause before each tenth of a second. */
  readonly pauseMs?: number;
  /** After its samples: the process exits; the device is lost and the system reports it; or does not. */
  readonly dies?: boolean;
  readonly lost?: boolean;
  readonly vanishes?: boolean;
  /** After its samples the system switches to a device of this name, which delivers as many again. */
  readonly movesTo?: string;
  /** How often it can be opened per home. */
  readonly lives?: number;
  /** It can't be stopped. */
  readonly deaf?: boolean;
}

/** The environment of a command that uses it. @param home folder that counts the opens */
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
