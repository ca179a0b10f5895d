/** Writes to the clipboard with the system's own command. */
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
    : 'omit --copy and copy the text from here';

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
    // Windows Subsystem for Linux.
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

/** Checked before the dictation starts. @throws SottoError OUTPUT_FAILED if there is no such command */
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
      reject(new SottoError('OUTPUT_FAILED', `can't copy the text: ${command} ${why}`, { hint: HINT }));
    // pbcopy assumes MacRoman unless LC_CTYPE says otherwise. The tools for X11 and Wayland keep running, and keep
    // the file descriptors that they inherit.
    const child = spawn(command, args, {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { ...process.env, LC_CTYPE: 'UTF-8' },
    });
    child.on('error', (error) => fail(error.message));
    child.on('exit', (code) => (code === 0 ? resolve() : fail(`exited with ${code}`)));
    child.stdin.on('error', () => undefined);
    child.stdin.end(text);
  });
}
