/**
 * A headless Chromium, controlled over a pipe (DevTools protocol): the one in SOTTO_CHROME, the one of the package
 * @sparticuz/chromium (Linux x64), unpacked once, or an installed one.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import { defined } from '#daemon/protocol/defined.js';

interface Command {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Reply {
  readonly id?: number;
  readonly method?: string;
  readonly result?: Record<string, unknown>;
  readonly params?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const INSTALLED = [
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** The package's browser and the libraries that it may need, unpacked beside node_modules' cache. */
function packaged(): Command | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  let bin: string;
  try {
    const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
    bin = join(dirname(entry), '..', '..', 'bin');
  } catch {
    return undefined;
  }
  const version =
    readFileSync(join(bin, '..', 'package.json'), 'utf8').match(/"version": "([^"]+)"/)?.[1] ?? '';
  const folder = join(root, 'node_modules', '.cache', `sotto-chromium-${version}`);
  if (!existsSync(folder)) {
    mkdirSync(dirname(folder), { recursive: true });
    const draft = mkdtempSync(`${folder}.`);
    writeFileSync(join(draft, 'chromium'), brotliDecompressSync(readFileSync(join(bin, 'chromium.br'))));
    chmodSync(join(draft, 'chromium'), 0o755);
    for (const name of ['al2023', 'fonts']) {
      const tar = brotliDecompressSync(readFileSync(join(bin, `${name}.tar.br`)));
      execFileSync('tar', ['-x', '-C', draft], { input: tar });
    }
    try {
      renameSync(draft, folder);
    } catch {
      // Another test has unpacked it meanwhile.
      rmSync(draft, { recursive: true, force: true });
    }
  }
  const fonts = existsSync('/etc/fonts/fonts.conf') ? {} : { FONTCONFIG_PATH: join(folder, 'fonts') };
  return { path: join(folder, 'chromium'), env: fonts };
}

function unpacked(): Command | undefined {
  try {
    return packaged();
  } catch (error) {
    console.log(`@sparticuz/chromium can't be unpacked: ${String(error)}`);
    return undefined;
  }
}

function candidates(): Command[] {
  const chosen = process.env.SOTTO_CHROME;
  if (chosen !== undefined) return [{ path: chosen, env: {} }];
  const own = unpacked();
  const libraries = own === undefined ? '' : join(dirname(own.path), 'lib');
  return [
    ...(own === undefined ? [] : [own, { path: own.path, env: { ...own.env, LD_LIBRARY_PATH: libraries } }]),
    ...INSTALLED.filter((path) => existsSync(path)).map((path) => ({ path, env: {} })),
  ];
}

/** Starts a browser. @returns the reason if none starts */
export async function startBrowser(): Promise<Browser | string> {
  let reason = 'no browser: none is installed, and @sparticuz/chromium has none for this machine';
  for (const { path, env } of candidates()) {
    try {
      return await Browser.start(path, env);
    } catch (error) {
      reason = `no browser: ${basename(path)} did not start, ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  return reason;
}

export class Browser {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  /** Called with every event of every page. */
  onEvent: (method: string, params: Record<string, unknown>) => void = () => undefined;
  #next = 1;

  private constructor(child: ChildProcess, profile: string) {
    this.#child = child;
    this.#profile = profile;
    let rest = '';
    const pipe = child.stdio[4] as Readable;
    pipe.setEncoding('utf8').on('data', (text: string) => {
      const messages = (rest + text).split('\0');
      rest = messages.pop() ?? '';
      for (const message of messages) this.#receive(JSON.parse(message) as Reply);
    });
    // In case the tests exit without closing it.
    process.once('exit', () => child.kill('SIGKILL'));
    child.on('exit', () => this.#fail('the browser ended'));
    child.on('error', (error) => this.#fail(error.message));
    for (const end of [child.stdio[3], child.stdio[4]]) end?.on('error', () => undefined);
  }

  static async start(path: string, env: Readonly<Record<string, string>>): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), 'sotto-chrome-'));
    const flags = [
      '--headless',
      '--no-sandbox',
      '--no-zygote',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--mute-audio',
      '--autoplay-policy=no-user-gesture-required',
      '--no-first-run',
      '--hide-scrollbars',
      '--remote-debugging-pipe',
      `--user-data-dir=${profile}`,
    ];
    const child = spawn(path, flags, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    const browser = new Browser(child, profile);
    try {
      await browser.call('Browser.getVersion');
      return browser;
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  call(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer in 30 s`)), 30_000);
      this.#waiting.set(id, ({ result, error }) => {
        clearTimeout(timer);
        if (error === undefined) resolve(result ?? {});
        else reject(new Error(`${method}: ${error.message}`));
      });
      const message = { id, method, params, ...defined({ sessionId }) };
      (this.#child.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`);
    });
  }

  /** Opens a page and waits until it is loaded. */
  async open(url: string, size: { width: number; height: number }): Promise<Page> {
    const { targetId } = await this.call('Target.createTarget', { url: 'about:blank', ...size });
    const { sessionId } = await this.call('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, String(sessionId));
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.call(`${domain}.enable`);
    await page.call('Emulation.setDeviceMetricsOverride', { ...size, deviceScaleFactor: 1, mobile: false });
    await page.call('Page.navigate', { url });
    await page.until("document.readyState === 'complete' && location.href !== 'about:blank'");
    return page;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.pid !== undefined) {
      const gone = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGKILL');
      await gone;
    }
    // Its helper processes exit later and write until then.
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }

  #receive(reply: Reply): void {
    if (reply.method !== undefined) this.onEvent(reply.method, reply.params ?? {});
    else if (reply.id !== undefined) {
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    }
  }

  #fail(message: string): void {
    for (const settle of this.#waiting.values()) settle({ error: { message } });
    this.#waiting.clear();
  }
}

export class Page {
  readonly #browser: Browser;
  readonly #session: string;

  constructor(browser: Browser, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  call(method: string, params: object = {}): Promise<Record<string, unknown>> {
    return this.#browser.call(method, params, this.#session);
  }

  /** Evaluates an expression in the page; promises are awaited. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.call('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
      userGesture: true,
    });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value?: unknown }).value;
  }

  async until(expression: string): Promise<void> {
    for (let tries = 0; tries < 300; tries++) {
      if ((await this.evaluate(expression)) === true) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`never came true: ${expression}`);
  }

  async key(key: string, modifiers = 0): Promise<void> {
    const named = {
      key,
      code: key === ' ' ? 'Space' : key,
      modifiers,
      ...(key === ' ' ? { text: ' ' } : {}),
    };
    await this.call('Input.dispatchKeyEvent', { type: 'keyDown', ...named });
    await this.call('Input.dispatchKeyEvent', { type: 'keyUp', ...named });
  }

  async click(selector: string): Promise<void> {
    const at = (await this.evaluate(
      `(() => { const e = document.querySelector(${JSON.stringify(selector)}); e.scrollIntoView({ block: 'center' });
        const r = e.getBoundingClientRect(); return { x: r.x + r.width / 2, y: r.y + r.height / 2 }; })()`,
    )) as { x: number; y: number };
    for (const type of ['mousePressed', 'mouseReleased']) {
      await this.call('Input.dispatchMouseEvent', { type, ...at, button: 'left', clickCount: 1 });
    }
  }

  async screenshot(path: string): Promise<void> {
    const { data } = await this.call('Page.captureScreenshot', { format: 'png' });
    writeFileSync(path, Buffer.from(String(data), 'base64'));
  }
}
