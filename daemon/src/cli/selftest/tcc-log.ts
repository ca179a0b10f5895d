import { defined } from '../../protocol/defined.js';

/**
 * Finds the app whose permission macOS checked when the microphone was opened, in the log lines of `tccd`. A
 * request has a number and several lines:
 *
 *     AUTHREQ_CTX: msgID=611.2, function=…, service=kTCCServiceMicrophone, preflight=no
 *     AUTHREQ_ATTRIBUTION: msgID=611.2, attribution={responsible={TCCDProcess: identifier=…, pid=…}, accessing={TCCDProcess: …}}
 *     AUTHREQ_RESULT: msgID=611.2, authValue=2, authReason=2
 *
 * Older systems write `AttributionChain: RESP:{ID: …}, ACC:{ID: …}` without a number. Known from logs that others
 * published.
 */

const SERVICE = 'kTCCServiceMicrophone';

interface MicrophoneRequest {
  /** The app whose permission is checked; undefined if the accessing process is responsible itself. */
  readonly responsible?: string;
  /** The process that opens the microphone. */
  readonly accessing?: string;
  /** Undefined until the user has answered, or for a value other than yes and no. */
  readonly isAllowed?: boolean;
}

/** @returns the last request; undefined if no line is recognized */
export function lastRequest(log: string): MicrophoneRequest | undefined {
  const lines = microphoneLines(log);
  const attribution = lines.findLast((line) => /AUTHREQ_ATTRIBUTION|AttributionChain/.test(line));
  if (attribution === undefined) return undefined;
  const responsible = processIn(attribution, 'responsible', 'RESP');
  const accessing = processIn(attribution, 'accessing', 'ACC');
  if ((responsible ?? accessing) === undefined) return undefined;
  const number = numberOf(attribution);
  const result = lines.findLast((line) => line.includes('AUTHREQ_RESULT') && numberOf(line) === number);
  const value = /authValue=(\d+)/.exec(result ?? '')?.[1];
  const isAllowed = value === '2' ? true : value === '0' ? false : undefined;
  return {
    ...defined({ responsible, accessing, isAllowed }),
  };
}

/** Only the lines about requests for the microphone: the rest of the log is private. */
export function microphoneLines(log: string): string[] {
  const lines = log.split('\n');
  const numbers = new Set(lines.filter((line) => line.includes(SERVICE)).map(numberOf));
  if (numbers.size === 0) return [];
  const isOld = numbers.has(undefined);
  return lines.filter((line) => {
    const number = numberOf(line);
    if (number !== undefined) return numbers.has(number);
    return line.includes(SERVICE) || (isOld && line.includes('AttributionChain'));
  });
}

function numberOf(line: string): string | undefined {
  return /msgID=(\d+(?:\.\d+)?)/.exec(line)?.[1];
}

/** Its identifier, or its path if it has none. */
function processIn(line: string, role: string, old: string): string | undefined {
  const block = new RegExp(`${role}=\\{(?:TCCDProcess: )?([^}]*)\\}`).exec(line)?.[1];
  const identifier = /(?:^|[\s,])identifier=([^,}]+)/.exec(block ?? '')?.[1];
  const program = /binary_path=([^,}]+)/.exec(block ?? '')?.[1];
  const named = identifier === '-' ? program : (identifier ?? program);
  return named ?? new RegExp(`${old}:\\{ID: ([^,}]+)`).exec(line)?.[1];
}
