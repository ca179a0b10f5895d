/** A test is skipped in one way, which keeps the reason: a skip without a reason, or a quiet pass, hides what was not seen. */
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { repositoryFiles, textOf } from './source-files.js';

const RUNNERS = new Set(['describe', 'test', 'it']);
const FORBIDDEN = new Set(['skip', 'only', 'todo', 'failing', 'skipIf']);
const ALIASES = new Set(['xtest', 'xit', 'xdescribe', 'fit', 'fdescribe', 'ftest']);
const THE_ONE_WAY = 'test/harness/skipping.ts';

/** What of a test file skips, focuses or plans tests by itself, or leaves a test before it has asserted anything. */
function evasions(name: string, text: string): string[] {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const report = (node: ts.Node, what: string): void => {
    const { line } = file.getLineAndCharacterOfPosition(node.getStart());
    found.push(`${name}:${line + 1}: ${what}`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && FORBIDDEN.has(node.name.text)) {
      const first = ts.isIdentifier(node.expression) ? node.expression.text : '';
      if (RUNNERS.has(first)) report(node, `${first}.${node.name.text}`);
    }
    if (ts.isImportSpecifier(node) && ALIASES.has((node.propertyName ?? node.name).text))
      report(node, node.getText());
    if (ts.isReturnStatement(node) && leavesTest(node)) report(node, 'return');
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** A return out of the function that is a test's body, other than of what it ends with. */
function leavesTest(statement: ts.ReturnStatement): boolean {
  let body: ts.Node = statement.parent;
  while (!ts.isFunctionLike(body)) {
    if (ts.isSourceFile(body)) return false;
    body = body.parent;
  }
  const call = body.parent;
  if (!ts.isCallExpression(call) || !isTest(call.expression)) return false;
  return !(ts.isArrowFunction(body) && ts.isBlock(body.body) && body.body.statements.at(-1) === statement);
}

/** `test`, `test.each(…)`, `testUnless(…)` and the like. */
function isTest(callee: ts.Expression): boolean {
  if (ts.isIdentifier(callee))
    return callee.text === 'test' || callee.text === 'it' || callee.text === 'testUnless';
  if (ts.isCallExpression(callee) || ts.isPropertyAccessExpression(callee)) return isTest(callee.expression);
  return false;
}

describe('skipped tests', () => {
  test('are skipped by describeUnless, testUnless or skippedTest, and no test returns early', () => {
    const files = repositoryFiles().filter((name) => /^test\/.*\.ts$/.test(name) && name !== THE_ONE_WAY);
    expect(files.filter((name) => name.endsWith('.test.ts')).length).toBeGreaterThan(250);
    expect(files.flatMap((name) => evasions(name, textOf(name) ?? ''))).toEqual([]);
  });

  test.each([
    `describe.skip('x', () => {})`,
    `const where = there ? test : test.skip;`,
    `test.todo('x')`,
    `import { describe, xit as it } from '@jest/globals';`,
    `test.each([1])('x', (n) => { if (n > 0) return console.log('skipped'); expect(n).toBe(1); })`,
    `testUnless(why)('x', async () => { if (!here) { return; } expect(1).toBe(1); })`,
  ])('%s is found', (text) => {
    expect(evasions('x.test.ts', text)).toHaveLength(1);
  });

  test.each([
    `test('x', async () => { const a = () => { if (b) return 1; return 2; }; expect(a()).toBe(1); })`,
    `test('x', () => { return expect(a).resolves.toBe(1); })`,
    `bits.skip(3); options.only; queue.todo; fit(a)`,
  ])('%s is not', (text) => {
    expect(evasions('x.test.ts', text)).toEqual([]);
  });
});
