/** The clipboard, by the command that the system has for it. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SottoError } from '../../protocol/errors.js';

export interface ClipboardCommand {
  readonly command: string;
  readonly args: readonly string[];
}

type Env = Readonly<Record<string, string | undefined>>;

const HINT =
  process.platform === 'linux'
    ? 'install wl-clipboard (Wayland) or xclip (X11)'
    : 'leave out --copy, and take the text from here';

function candidates(platform: string, env: Env): ClipboardCommand[] {
  if (platform === 'darwin') return [{ command: 'pbcopy', args: [] }];
  if (platform === 'win32') return [{ command: 'clip', args: [] }];
  const set = (name: string): boolean => env[name] !== undefined && env[name] !== '';
  return [
    ...(set('WAYLAND_DISPLAY') ? [{ command: 'wl-copy', args: [] }] : []),
    ...(set('DISPLAY')
      ? [
          { command: 'xclip', args: ['-selection', 'clipboard'] },
          { command: 'xsel', args: ['--clipboard', '--input'] },
        ]
      : []),
    // Linux inside Windows.
    { command: 'clip.exe', args: [] },
  ];
}

function isInPath(command: string, env: Env): boolean {
  return (env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}

/** @throws SottoError OUTPUT_FAILED if there is none: to be asked before anybody speaks */
export function clipboardCommand(
  env: Env = process.env,
  platform: string = process.platform,
): ClipboardCommand {
  const found = candidates(platform, env).find(({ command }) => isInPath(command, env));
  if (found !== undefined) return found;
  throw new SottoError('OUTPUT_FAILED', 'no clipboard tool found', { hint: HINT });
}

/** @throws SottoError OUTPUT_FAILED */
export async function copyText(text: string, { command, args }: ClipboardCommand): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new SottoError('OUTPUT_FAILED', `the text can't be copied: ${command} ${why}`, { hint: HINT }));
    // pbcopy takes text for MacRoman unless it is told; those of X11 and Wayland stay behind and keep what they inherit.
    const child = spawn(command, args, {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { ...process.env, LC_CTYPE: 'UTF-8' },
    });
    child.on('error', (error) => fail(error.message));
    child.on('exit', (code) => (code === 0 ? resolve() : fail(`ended with ${code}`)));
    child.stdin.on('error', () => undefined);
    child.stdin.end(text);
  });
}
