/** The help of every command on a terminal of 80 columns, and errors of mistyped commands. */
import type { Command } from 'commander';
import { describe, expect, test } from '@jest/globals';
import { closest, editDistance } from '#daemon/did-you-mean.js';
import { exampleLines, fullName } from '#daemon/cli/help/layout.js';
import { usageError } from '#daemon/cli/help/usage-errors.js';
import { main } from '#daemon/cli/main.js';
import { buildProgram, forEachCommand } from '#daemon/cli/program.js';
import { captureOutput } from '#test/harness/capture-output.js';

const SCREEN_ROWS = 40;
const COLUMNS = 80;

const written = captureOutput();

const program = buildProgram({ exitCode: 0 });
const commands: Command[] = [];
forEachCommand(program, (command) => commands.push(command));
const paths = commands.map((command) => fullName(command).split(' ').slice(1));

/** Lines of prose. Examples may be longer, because a wrapped command can't be copied. */
function proseLines(help: string): string[] {
  return help.split('\n').filter((line) => !/^ {2}(sotto|eval|curl|export) /.test(line));
}

describe('help', () => {
  test('exists for all commands, including hidden ones', () => {
    expect(commands.length).toBeGreaterThan(50);
  });

  test.each(paths.map((path) => [path.join(' '), path] as const))(
    'of "%s" fits a screen, and has examples',
    async (_name, path) => {
      expect(await main([...path, '--help'])).toBe(0);
      expect(written.stderr).toBe('');
      expect(written.stdout.trimEnd().split('\n').length).toBeLessThanOrEqual(SCREEN_ROWS);
      if (path[0] !== 'version') expect(written.stdout).toMatch(/Examples?:\n/);
      const wide = proseLines(written.stdout).filter((line) => line.length > COLUMNS);
      expect(wide).toEqual([]);
    },
  );

  test.each([40, 50])('breaks no word on a terminal of %i columns', async (columns) => {
    const before = Object.getOwnPropertyDescriptor(process.stdout, 'columns');
    Object.defineProperty(process.stdout, 'columns', { value: columns, configurable: true });
    try {
      for (const path of paths) {
        written.stdout = '';
        expect(await main([...path, '--help'])).toBe(0);
        expect(written.stdout).toMatch(/^Usage: sotto /);
        const wide = proseLines(written.stdout).filter((line) => line.length > columns);
        expect([path, wide]).toEqual([path, []]);
      }
    } finally {
      if (before === undefined) Reflect.deleteProperty(process.stdout, 'columns');
      else Object.defineProperty(process.stdout, 'columns', before);
    }
  });

  test('describes every option and command', () => {
    const silent = commands.flatMap((command) => [
      ...(command.description() === '' ? [fullName(command)] : []),
      ...command.options
        .filter(({ description }) => description === '')
        .map(({ flags }) => `${fullName(command)} ${flags}`),
    ]);
    expect(silent).toEqual([]);
  });

  test('of transcribe shows common options, and all with --help-all', async () => {
    expect(await main(['transcribe', '--help'])).toBe(0);
    const short = written.stdout;
    for (const flag of ['--model', '--language', '--format', '--output', '--help-all'])
      expect(short).toContain(flag);
    expect(short).not.toContain('--patience');
    written.stdout = '';
    expect(await main(['transcribe', '--help-all'])).toBe(0);
    const transcribe = commands.find((command) => command.name() === 'transcribe');
    for (const { long, hidden } of transcribe?.options ?? [])
      if (!hidden) expect(written.stdout).toContain(long);
    expect(written.stdout.indexOf('--beam-size')).toBeLessThan(written.stdout.indexOf('--patience'));
    const groups = written.stdout.split('\n').filter((line) => /^\S.*:$/.test(line));
    expect(groups).toContain('Silence and repetition:');
    expect(groups.indexOf('Options:')).toBeLessThan(groups.indexOf('Output:'));
  });

  test('--help-all needs no argument and exists only where options are hidden', async () => {
    expect(await main(['dictate', '--help-all'])).toBe(0);
    expect(written.stdout).toContain('--events');
    expect(await main(['status', '--help-all'])).toBe(2);
  });

  test('aligns notes of examples and omits one that does not fit', () => {
    expect(exampleLines([['sotto a', 'one'], 'sotto x', ['sotto bb', 'two']], 40)).toEqual([
      '  sotto a   # one',
      '  sotto x',
      '  sotto bb  # two',
    ]);
    expect(exampleLines([['sotto a', 'a note that is too long']], 20)).toEqual(['  sotto a']);
  });
});

describe('wrong usage', () => {
  test.each([
    [['histroy'], "unknown command 'histroy'", 'Did you mean history?'],
    [['history', 'lst'], "unknown command 'lst'", 'Did you mean list?'],
    [['history', 'sing'], "unknown command 'sing'", 'commands: list, show'],
    [['vocabulary', 'ad', 'x'], "unknown command 'ad'", 'Did you mean add?'],
    [['config', 'gett'], "unknown command 'gett'", 'Did you mean get?'],
    [['models', 'lits'], "unknown command 'lits'", 'Did you mean list?'],
    [['transcribe', '--formt', 'srt', 'a.wav'], "unknown option '--formt'", 'Did you mean --format?'],
    [['transcribe', '--format', 'jsn', 'a.wav'], '--format must be one of', 'did you mean json?'],
    [
      ['history', 'keep', 'abc'],
      'days must be a whole number, or `forever`; got "abc"',
      'sotto history keep --help',
    ],
    [['config', 'get', 'modle'], 'key must be one of', 'did you mean model?'],
    [
      ['daemon', 'logs', '-n', '0'],
      '--lines must be a whole number, 1 or more; got "0"',
      'sotto daemon logs --help',
    ],
  ])('%j is explained', async (args, message, advice) => {
    expect(await main(args)).toBe(2);
    expect(written.stdout).toBe('');
    expect(written.stderr).toMatch(/^sotto: /);
    expect(written.stderr).toContain(message);
    expect(written.stderr).toContain(advice);
  });

  test('escapes quotes and line breaks of a value', () => {
    const text =
      "error: option '-j, --jobs <n>' argument 'a' is invalid' is invalid. must be a number\n(see)";
    expect(usageError(text)).toBe('sotto: --jobs must be a number; got "a\' is invalid"\n(see)');
    expect(usageError("error: unknown option '--x'")).toBe("sotto: unknown option '--x'");
  });
});

describe('closest', () => {
  test.each([
    ['', '', 0],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['lits', 'list', 1],
  ])('the distance of %j and %j is %d, both ways', (a, b, distance) => {
    expect([editDistance(a, b), editDistance(b, a)]).toEqual([distance, distance]);
  });

  test('finds close names, the closest first, and no distant ones', () => {
    expect(closest('smal', ['tiny', 'small', 'small.en', 'smart'])).toEqual(['small', 'smart', 'small.en']);
    expect(closest('turbo', ['whisper-large-v3-turbo', 'tiny'])).toEqual(['whisper-large-v3-turbo']);
    expect(closest('xyzzy', ['tiny', 'small'])).toEqual([]);
  });
});

describe('other names', () => {
  test.each([
    [
      ['models', 'ls'],
      ['models', 'list'],
    ],
    [['ls'], ['models', 'list']],
    [
      ['models', 'rm'],
      ['models', 'remove'],
    ],
    [
      ['history', 'ls'],
      ['history', 'list'],
    ],
    [
      ['history', 'rm'],
      ['history', 'delete'],
    ],
    [['vocab'], ['vocabulary']],
    [
      ['vocab', 'rm'],
      ['vocabulary', 'remove'],
    ],
    [['ps'], ['daemon', 'status']],
    [['status'], ['daemon', 'status']],
    [['doctor'], ['agent', 'doctor']],
  ])('%j has the options of %j', async (alias, name) => {
    const options = async (path: readonly string[]): Promise<string[]> => {
      written.stdout = '';
      expect(await main([...path, '--help'])).toBe(0);
      return [...written.stdout.matchAll(/^ {2}(-.*?) {2}/gm)].map(([, flags = '']) => flags);
    };
    const found = await options(alias);
    expect(found.length).toBeGreaterThan(0);
    expect(found).toEqual(await options(name));
  });

  test('version prints what --version prints', async () => {
    await main(['--version']);
    const version = written.stdout;
    written.stdout = '';
    expect(await main(['version'])).toBe(0);
    expect(written.stdout).toBe(version);
  });
});
