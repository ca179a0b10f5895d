/** A copy of the compiled code, so that mutants never touch the checkout. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import ts from 'typescript';
import { packageRoot } from '#daemon/paths.js';

/** Copied, not linked: a module behind a link resolves its imports in the checkout. */
const COPIED = ['dist', 'daemon', 'package.json', 'jest.config.js'];
const LINKED = ['assets', 'extension', 'launchd', 'native', 'node_modules', 'test', 'package-lock.json'];

export class Workspace {
  readonly folder = mkdtempSync(join(tmpdir(), 'sotto-mutation-'));

  constructor() {
    for (const name of COPIED) {
      cpSync(join(packageRoot, name), join(this.folder, name), {
        recursive: true,
        filter: (path) => !/\.d\.ts$|\.map$/.test(path) && basename(path) !== '.tsbuildinfo',
      });
    }
    for (const name of LINKED) symlinkSync(join(packageRoot, name), join(this.folder, name));
  }

  /** Compiles a changed source over its module. @param file relative to the repository, `daemon/src/x.ts` */
  write(file: string, source: string): void {
    const { outputText } = ts.transpileModule(source, {
      fileName: file,
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
      },
    });
    const output = this.#output(file);
    mkdirSync(dirname(output), { recursive: true });
    writeFileSync(output, outputText);
  }

  restore(file: string): void {
    this.write(file, readFileSync(join(packageRoot, file), 'utf8'));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #output(file: string): string {
    return join(this.folder, 'dist', file.replace(/\.ts$/, '.js'));
  }
}
