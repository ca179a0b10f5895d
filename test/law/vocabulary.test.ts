/**
 * One vocabulary: words of a private dialect stand in no identifier, comment, string or document, and one name means one
 * thing. `vocabulary.json` holds the banned words and what is allowed in spite of them.
 */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { packageRoot } from '#daemon/paths.js';
import { repositoryFiles, textOf } from './source-files.js';

interface Words {
  readonly banned: readonly string[];
  /** Identifiers by their full name, other text by the file: the words that may stand there. */
  readonly allowed: Readonly<Record<string, readonly string[]>>;
}

interface Vocabulary {
  readonly identifiers: Words;
  readonly text: Words;
  /** Names that several files export as different types, and how many do. May only shrink. */
  readonly exportedTypes: Readonly<Record<string, number>>;
  /** Names that several files have, and how many have them. May only shrink. */
  readonly basenames: Readonly<Record<string, number>>;
}

const LAW_FILE = 'test/law/vocabulary.json';
const law = JSON.parse(readFileSync(join(packageRoot, LAW_FILE), 'utf8')) as Vocabulary;

const SOURCE = /\.(ts|tsx|mjs|js)$/;
/** Transcripts of speech and the texts of licenses are other people's words. */
const OTHER_PEOPLES_WORDS =
  /^test\/fixtures\/|^test\/bench\/baseline\/|LICENSE|NOTICES|^CHANGELOG|package-lock/;

interface Found {
  readonly identifiers: readonly string[];
  /** Strings, text of JSX and comments. */
  readonly texts: readonly string[];
  readonly types: readonly string[];
}

function wordsOf(identifier: string): string[] {
  return identifier
    .replace(/([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])/g, '$1$3 $2$4')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
}

function scan(name: string, text: string): Found {
  const kind = name.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true, kind);
  const identifiers: string[] = [];
  const texts = new Map<number, string>();
  const types: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) identifiers.push(node.text);
    else if (ts.isStringLiteralLike(node) || ts.isTemplateLiteralToken(node) || ts.isJsxText(node)) {
      texts.set(node.getStart(file), node.text);
    }
    const comments = [
      ...(ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(text, node.getEnd()) ?? []),
    ];
    if (!ts.isJsxText(node)) for (const { pos, end } of comments) texts.set(pos, text.slice(pos, end));
    if (isExportedType(node)) types.push(node.name.text);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { identifiers, texts: [...texts.values()], types };
}

function isExportedType(
  node: ts.Node,
): node is
  (ts.ClassDeclaration & { name: ts.Identifier }) | ts.InterfaceDeclaration | ts.TypeAliasDeclaration {
  if (!ts.isClassDeclaration(node) && !ts.isInterfaceDeclaration(node) && !ts.isTypeAliasDeclaration(node)) {
    return false;
  }
  const isExported = node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;
  return isExported && node.name !== undefined;
}

function bannedIn(text: string, { banned, allowed }: Words, file: string): string[] {
  const words = new Set(text.toLowerCase().match(/[a-z]+/g));
  return banned.filter((word) => words.has(word) && allowed[file]?.includes(word) !== true);
}

function badIdentifier(identifier: string): boolean {
  const { banned, allowed } = law.identifiers;
  return !(identifier in allowed) && wordsOf(identifier).some((word) => banned.includes(word));
}

const files = repositoryFiles().filter((name) => !name.startsWith('test/law/vocabulary'));
const sources = files
  .filter((name) => SOURCE.test(name))
  .map((name) => ({ name, found: scan(name, textOf(name) ?? '') }));

/** What several items have in common, with how many there are of it. */
function repeated(names: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries(
    [...counts].filter(([, count]) => count > 1).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

describe('one vocabulary', () => {
  test('no identifier holds a banned word', () => {
    expect(sources.length).toBeGreaterThan(800);
    const bad = sources.flatMap(({ name, found }) =>
      [...new Set(found.identifiers)].filter(badIdentifier).map((identifier) => `${name}: ${identifier}`),
    );
    expect(bad).toEqual([]);
  });

  test('no string, comment or document holds a banned word', () => {
    const documents = files
      .filter((name) => name.endsWith('.md') || name === 'extension/package.json')
      .map((name) => ({ name, texts: [textOf(name) ?? ''] }));
    const all = [...documents, ...sources.map(({ name, found }) => ({ name, texts: found.texts }))];
    const bad = all
      .filter(({ name }) => !OTHER_PEOPLES_WORDS.test(name))
      .flatMap(({ name, texts }) =>
        texts.flatMap((text) =>
          bannedIn(text, law.text, name).map((word) => `${name}: ${word}: ${text.trim().slice(0, 100)}`),
        ),
      );
    expect(bad).toEqual([]);
  });

  test('one name of an exported type has one meaning', () => {
    const types = sources.filter(({ name }) => !name.startsWith('test/')).flatMap(({ found }) => found.types);
    expect(repeated(types)).toEqual(law.exportedTypes);
  });

  test('no more files share a name than today', () => {
    const names = sources.map(({ name }) => basename(name)).filter((name) => name !== 'index.ts');
    expect(repeated(names)).toEqual(law.basenames);
  });

  test.each([
    ['#takeLock', ['take', 'lock']],
    ['MOST_LOOKS', ['most', 'looks']],
    ['EngineState', ['engine', 'state']],
    ['HTTPBody', ['http', 'body']],
    ['untilHeard', ['until', 'heard']],
  ])('%s holds the words %p', (identifier, words) => {
    expect(wordsOf(identifier).filter((word) => word !== '')).toEqual(words);
  });

  test('a banned word is found inside an identifier, a comment, a template and JSX', () => {
    const found = scan(
      'x.tsx',
      'const saidFor = 1; // nobody\nexport type A = 1;\nconst b = `said ${1} desk`; <p>calm</p>;',
    );
    expect(found.identifiers.filter(badIdentifier)).toEqual(['saidFor']);
    expect(found.types).toEqual(['A']);
    const words = found.texts.flatMap((text) => bannedIn(text, law.text, 'x.tsx'));
    expect(words.sort()).toEqual(['calm', 'desk', 'nobody', 'said']);
  });
});
