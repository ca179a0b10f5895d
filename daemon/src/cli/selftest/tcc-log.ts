import { defined } from '../../protocol/defined.js';

/**
 * Whom macOS asked for when the microphone was opened, from the lines of `tccd` in its log. A request has a number, and a line
 * for each of its parts:
 *
 *     AUTHREQ_CTX: msgID=611.2, function=…, service=kTCCServiceMicrophone, preflight=no
 *     AUTHREQ_ATTRIBUTION: msgID=611.2, attribution={responsible={TCCDProcess: identifier=…, pid=…}, accessing={TCCDProcess: …}}
 *     AUTHREQ_RESULT: msgID=611.2, authValue=2, authReason=2
 *
 * Older systems write `AttributionChain: RESP:{ID: …}, ACC:{ID: …}` without a number. Known from logs that others published.
 */

const SERVICE = 'kTCCServiceMicrophone';

interface MicrophoneRequest {
  /** The app that is asked about; undefined where the accessing process answers for itself. */
  readonly responsible?: string;
  /** The process that opens the microphone. */
  readonly accessing?: string;
  /** Undefined while the user has not answered, or where the log says something else than yes and no. */
  readonly isAllowed?: boolean;
}

/** @returns the last request, undefined where no line is understood */
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

/** The lines about requests for the microphone, and no others: the rest of the log is private. */
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

/** Its identifier, or its program where it has none. */
function processIn(line: string, role: string, old: string): string | undefined {
  const block = new RegExp(`${role}=\\{(?:TCCDProcess: )?([^}]*)\\}`).exec(line)?.[1];
  const identifier = /(?:^|[\s,])identifier=([^,}]+)/.exec(block ?? '')?.[1];
  const program = /binary_path=([^,}]+)/.exec(block ?? '')?.[1];
  const named = identifier === '-' ? program : (identifier ?? program);
  return named ?? new RegExp(`${old}:\\{ID: ([^,}]+)`).exec(line)?.[1];
}
