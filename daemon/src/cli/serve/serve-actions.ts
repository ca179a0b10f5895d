/** `sotto serve [--stop | --status]`. Each returns the exit code. */
import type { Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import type { HttpStatus } from '../../protocol/serve.js';
import { choosePort } from '../../store/write-settings.js';
import { AUTO_IDLE_EXIT_MINUTES, findDaemon, findOrStartDaemon } from '../daemon/start-daemon.js';
import { defined } from '../../protocol/defined.js';

/** @throws SottoError PORT_TAKEN, DAEMON_UNAVAILABLE, OUTPUT_FAILED */
export async function serve(paths: Paths, port: number | undefined, json: boolean): Promise<number> {
  const { client } = await findOrStartDaemon({ paths, idleExitMinutes: AUTO_IDLE_EXIT_MINUTES });
  try {
    const { http } = await client.serve({ do: 'start', ...defined({ port }) });
    const open = http?.port;
    if (http === undefined || open === undefined)
      throw new SottoError('DAEMON_UNAVAILABLE', 'the port was closed by another client');
    printLine(json ? asJson(paths, http) : openText(paths, open));
  } finally {
    client.close();
  }
  return 0;
}

export async function stopServing(paths: Paths): Promise<number> {
  const client = await findDaemon(paths);
  if (client === undefined) {
    await choosePort(paths.settings, undefined);
    printLine('API server stopped. It won’t start with the next daemon.');
    return 0;
  }
  try {
    const { changed } = await client.serve({ do: 'stop' });
    printLine(changed ? 'API server stopped.' : 'The API server isn’t running.');
  } finally {
    client.close();
  }
  return 0;
}

/** @returns exit code 3 if it isn't running */
export async function servingStatus(paths: Paths, json: boolean): Promise<number> {
  const client = await findDaemon(paths);
  let http: HttpStatus | undefined;
  try {
    http = client === undefined ? undefined : (await client.serve({ do: 'status' })).http;
  } finally {
    client?.close();
  }
  if (json) printLine(asJson(paths, http));
  else if (http?.port !== undefined) printLine(openText(paths, http.port));
  else if (http?.error !== undefined)
    printLine(`API server not running: ${http.error.message} — ${http.error.hint}`);
  else printLine('The API server isn’t running. Start it with `sotto serve`.');
  return http?.port === undefined ? 3 : 0;
}

function asJson({ token, discovery }: Paths, http: HttpStatus | undefined): string {
  const { port, addresses = [], error } = http ?? {};
  if (port === undefined) return JSON.stringify({ open: false, ...defined({ error }) });
  return JSON.stringify({ open: true, port, addresses, baseUrl: baseUrl(port), token, discovery });
}

function baseUrl(port: number): string {
  return `http://127.0.0.1:${port}/v1`;
}

function openText({ token, discovery }: Paths, port: number): string {
  const url = baseUrl(port);
  return `API server running in the background at ${url}
  stop        sotto serve --stop
  token       ${token}   (print it: \`sotto token show\`)
  discovery   ${discovery}   (port and token for programs)

With curl:
  curl ${url}/audio/transcriptions -H "Authorization: Bearer $(sotto token show)" \\
    -F model=whisper-1 -F file=@talk.mp3

With the openai packages, or any program that takes a base URL and a key:
  export OPENAI_BASE_URL=${url} OPENAI_API_KEY="$(sotto token show)"
  python -c 'import openai; print(openai.OpenAI().audio.transcriptions.create(model="whisper-1", file=open("talk.mp3", "rb")).text)'
  node -e 'new (require("openai"))().audio.transcriptions.create({ model: "whisper-1", file: fs.createReadStream("talk.mp3") }).then((t) => console.log(t.text))'

It starts again after a restart. Only programs on this machine can reach it.`;
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
