/** Sends requests to a process that has MLX. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { SottoError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-errors.js';
import {
  selftestReplySchema,
  type SelftestReply,
  type SelftestRequest,
} from '../../protocol/selftest-process.js';
import type { Environment, Exit, CheckResult } from './check-result.js';

const TOOL = fileURLToPath(new URL('../../engine/selftest-tool.js', import.meta.url));

/** @throws SottoError of the process, or ENGINE_CRASHED */
export async function sendFor<Type extends SelftestReply['type']>(
  { send }: Pick<Environment, 'send'>,
  request: SelftestRequest,
  type: Type,
  env?: Readonly<Record<string, string>>,
): Promise<Extract<SelftestReply, { type: Type }>> {
  const reply = await send(request, env);
  if (reply.type === 'failed') throw SottoError.fromWire(reply.error);
  if (reply.type !== type) throw new SottoError('INTERNAL', `the self-test answered with "${reply.type}"`);
  return reply as Extract<SelftestReply, { type: Type }>;
}

export function unavailable(name: string, error: unknown): CheckResult {
  const { code, message, hint } = codedError(error);
  return { name, status: 'failed', message, facts: { code }, ...(hint !== '' && { advice: hint }) };
}

/** @throws SottoError ENGINE_CRASHED: the process exited without a reply */
export async function sendToProcess(
  signal: AbortSignal,
  request: SelftestRequest,
  env: Readonly<Record<string, string>> = {},
): Promise<SelftestReply> {
  let reply: unknown;
  const ended = await runTool(signal, request, env, (message) => (reply = message));
  if (reply !== undefined) return v.parse(selftestReplySchema, reply);
  const why = ended.signal === null ? `exit code ${ended.code}` : `killed by ${ended.signal}`;
  throw new SottoError('ENGINE_CRASHED', `the test process exited: ${why}`, { hint: ended.stderrTail });
}

export async function exitBusyProcess(stop: AbortSignal): Promise<Exit> {
  const { code, signal } = await runTool(stop, { type: 'exit' }, {}, () => undefined);
  return { code, signal };
}

function runTool(
  stop: AbortSignal,
  request: SelftestRequest,
  env: Readonly<Record<string, string>>,
  onMessage: (message: unknown) => void,
): Promise<Exit & { stderrTail: string }> {
  return new Promise((resolve) => {
    const child = fork(TOOL, [], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: ['--no-warnings'],
      env: { ...process.env, ...env },
      // JSON has no NaN, which a broken kernel returns.
      serialization: 'advanced',
      signal: stop,
      killSignal: 'SIGKILL',
    });
    let stderrTail = '';
    child.stderr?.on(
      'data',
      (chunk: Buffer) => (stderrTail = `${stderrTail}${chunk.toString()}`.slice(-2_000)),
    );
    child.on('message', onMessage);
    child.once('error', () => undefined);
    child.once('close', (code, signal) =>
      resolve({ code, signal, stderrTail: stderrTail.trim().split('\n').at(-1) ?? '' }),
    );
    child.send(request, () => undefined);
  });
}
