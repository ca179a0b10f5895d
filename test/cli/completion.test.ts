/** Completion scripts, run by real shells. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { bashCompletion } from '#daemon/cli/completion/bash.js';
import { fishCompletion } from '#daemon/cli/completion/fish.js';
import { completionTree, flatten } from '#daemon/cli/completion/completion-tree.js';
import { zshCompletion } from '#daemon/cli/completion/zsh.js';
import { buildProgram } from '#daemon/cli/program.js';
import { describeUnless } from '#test/harness/skipping.js';

const tree = completionTree(buildProgram({ exitCode: 0 }));
const missing = (shell: string): string | undefined =>
  spawnSync(shell, ['-c', 'exit 0']).status === 0 ? undefined : `${shell} is not installed`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'completion-'));
  writeFileSync(join(folder, 'talk one.wav'), '');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a shell offers for a line after `sotto `. */
interface Shell {
  readonly name: string;
  readonly offers: (line: string) => string[];
}

function shell(name: string, script: string, args: (path: string, line: string) => string[]): Shell {
  return {
    name,
    offers: (line) => {
      const path = join(folder, `completion.${name}`);
      writeFileSync(path, script);
      const { stdout, stderr, status } = spawnSync(name, args(path, line), { encoding: 'utf8', cwd: folder });
      expect([stderr, status]).toEqual(['', 0]);
      return stdout.split('\n').filter((offer) => offer !== '');
    },
  };
}

const bash = shell('bash', bashCompletion(tree), (path, line) => [
  '--norc',
  '-c',
  `source "$1"; read -ra COMP_WORDS <<< "$2"; [[ $2 == *' ' ]] && COMP_WORDS+=('')
   COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _sotto 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`,
  'bash',
  path,
  `sotto ${line}`,
]);
const fish = shell('fish', fishCompletion(tree), (path, line) => [
  '--no-config',
  '-c',
  `source $argv[1]; complete -C $argv[2] | string replace -r '\\t.*' ''; true`,
  path,
  `sotto ${line}`,
]);

describe('the tree', () => {
  test('contains all visible commands and no hidden one', () => {
    const paths = flatten(tree).map(({ path }) => path.join(' '));
    expect(paths).toEqual(
      expect.arrayContaining(['sotto transcribe', 'sotto models pull', 'sotto config set']),
    );
    expect(paths).not.toContain('sotto capture');
    expect(paths).not.toContain('sotto help');
  });
});

describe.each([bash, fish])('completion', ({ name, offers }) => {
  describeUnless(missing(name))(`in ${name}`, () => {
    test.each([
      ['tra', ['transcribe']],
      ['models rem', ['remove']],
      ['vocab exp', ['export']],
      ['history rm --forev', ['--forever']],
      ['transcribe --format v', ['vtt']],
      ['transcribe -f js', ['json']],
      ['completion z', ['zsh']],
      ['config set http', ['http.port']],
      ['capture --le', []],
    ])('completes "sotto %s"', (line, expected) => {
      expect(offers(line)).toEqual(expected);
    });

    test('offers all commands first', () => {
      const shown = tree.commands.map(({ path }) => path.at(-1));
      expect(offers('')).toEqual(expect.arrayContaining(shown));
    });

    test('offers files for a file, also with a space in the name', () => {
      expect(offers('transcribe ta').join()).toMatch(/talk(\\)? one\.wav/);
    });

    test('offers no file for other values', () => {
      expect(offers('daemon stop ta')).toEqual([]);
    });
  });
});

describeUnless(missing('zsh'))('completion in zsh', () => {
  test('loads the script with the options of every command', () => {
    const path = join(folder, '_sotto');
    writeFileSync(path, zshCompletion(tree));
    const { stdout, stderr, status } = spawnSync(
      'zsh',
      [
        '-f',
        '-c',
        'autoload -Uz compinit; compinit -u -D; source "$1"; print -l $_comps[sotto]; print -l ${(k)functions}',
        'zsh',
        path,
      ],
      { encoding: 'utf8', cwd: folder },
    );
    expect([stderr, status]).toEqual(['', 0]);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('_sotto');
    expect(lines).toEqual(expect.arrayContaining(flatten(tree).map((one) => `_${one.path.join('_')}`)));
  });

  test('completes on a terminal', () => {
    const path = join(folder, '_sotto');
    writeFileSync(path, zshCompletion(tree));
    const offers = (line: string): string => {
      const script = `
        zmodload zsh/zpty
        zpty z zsh -f -i
        zpty -w z "PS1=; autoload -Uz compinit; compinit -u -D; source '${path}'; zstyle ':completion:*' list-prompt ''; print READY"
        while zpty -r z out; do [[ $out == READY* ]] && break; done
        zpty -w -n z $'${line}\\t'
        sleep 1
        zpty -w -n z $'\\C-aprint -r -- \\'<\\'\\C-e\\'>\\'\\n'
        while zpty -r z out; do print -rn -- $out; [[ $out == *'>'$'\\r'* ]] && break; done`;
      return spawnSync('zsh', ['-f', '-c', script], { encoding: 'utf8', cwd: folder, timeout: 20_000 })
        .stdout;
    };
    expect(offers('sotto transc')).toContain('transcribe');
    expect(offers('sotto transcribe --format v')).toContain('vtt');
    expect(offers('sotto vocab exp')).toContain('export');
  });
});
