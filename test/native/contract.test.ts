/** Compares the hand-written contract (native/contract.ts) with the binding in both directions. */
import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { binding } from '#native/addon.js';

const folder = path.resolve(import.meta.dirname, '../../../native');

interface Overload {
  positional: string[];
  keywords: string[] | undefined;
}
/** Members of the contract by name; functions with their overloads. */
type Members = Map<string, Overload[] | 'value'>;

const checker = (() => {
  const file = path.join(folder, 'contract.ts');
  const config = ts.readConfigFile(path.join(folder, '../tsconfig.json'), (f) => readFileSync(f, 'utf8'));
  const options = ts.parseJsonConfigFileContent(config.config, ts.sys, path.join(folder, '..')).options;
  const program = ts.createProgram([file], options);
  return { types: program.getTypeChecker(), source: program.getSourceFile(file) };
})();

function interfaceNamed(name: string): ts.Type {
  const { types, source } = checker;
  const module = source && types.getSymbolAtLocation(source);
  const symbol = module && types.getExportsOfModule(module).find((s) => s.name === name);
  if (!symbol) throw new Error(`the contract exports no ${name}`);
  const target = symbol.flags & ts.SymbolFlags.Alias ? types.getAliasedSymbol(symbol) : symbol;
  return types.getDeclaredTypeOfSymbol(target);
}

function membersOf(type: ts.Type): Members {
  const { types, source } = checker;
  if (!source) throw new Error('contract.ts was not parsed');
  const members: Members = new Map();
  for (const property of type.getProperties()) {
    if (property.name.startsWith('__@')) continue;
    const signatures = types.getTypeOfSymbolAtLocation(property, source).getCallSignatures();
    members.set(property.name, signatures.length === 0 ? 'value' : signatures.map(overload));
  }
  return members;

  function overload(signature: ts.Signature): Overload {
    const parameters = signature.getParameters();
    const last = parameters.at(-1);
    const hasOptions = last?.name === 'options';
    const optionType =
      hasOptions && source
        ? types.getNonNullableType(types.getTypeOfSymbolAtLocation(last, source))
        : undefined;
    return {
      positional: parameters.slice(0, hasOptions ? -1 : undefined).map((p) => p.name),
      keywords: optionType?.getProperties().map((p) => p.name),
    };
  }
}

/** `a, axis, *, precise` as in the binding, and whether it takes a stream. */
function bound(fn: unknown): { positional: string[]; keywords: string[] } {
  const text = (fn as { parameters: string }).parameters;
  const [before = '', after = ''] = text.split(/(?:, |^)\*(?:, |$)/);
  const names = (part: string): string[] => part.split(', ').filter(Boolean);
  return { positional: names(before), keywords: names(after) };
}

function disagreements(where: string, contract: Members, object: Record<string, unknown>): string[] {
  const mismatches: string[] = [];
  for (const name of Object.keys(object))
    if (!contract.has(name)) mismatches.push(`${where}${name} is not in the contract`);
  for (const [name, overloads] of contract) {
    const value = object[name];
    if (value === undefined) {
      mismatches.push(`${where}${name} is not in the binding`);
    } else if (overloads !== 'value' && name !== 'MxArray') {
      const real = bound(value);
      const missing = new Set([...real.positional, ...real.keywords]);
      for (const { positional, keywords } of overloads) {
        const expected = real.positional.slice(0, positional.length);
        if (positional.join() !== expected.join()) {
          mismatches.push(
            `${where}${name}(${positional.join(', ')}) is really (${real.positional.join(', ')})`,
          );
        }
        const rest = new Set(['stream', ...real.positional.slice(positional.length), ...real.keywords]);
        for (const key of keywords ?? [])
          if (!rest.has(key)) mismatches.push(`${where}${name} takes no option '${key}'`);
        for (const key of [...positional, ...(keywords ?? [])]) missing.delete(key);
      }
      for (const key of missing) mismatches.push(`${where}${name} also takes '${key}'`);
    }
  }
  return mismatches;
}

test('the contract and the binding have the same functions and parameters', () => {
  const object = binding as unknown as Record<string, unknown>;
  expect(disagreements('', membersOf(interfaceNamed('Binding')), object)).toEqual([]);
});

test.each([
  ['fast', 'Fast'],
  ['fft', 'Fft'],
  ['linalg', 'Linalg'],
  ['random', 'Random'],
  ['memory', 'Memory'],
] as const)('mx.%s matches the contract', (name, type) => {
  const object = binding[name] as unknown as Record<string, unknown>;
  expect(disagreements(`${name}.`, membersOf(interfaceNamed(type)), object)).toEqual([]);
});

test('MxArray has exactly the members of the contract', () => {
  const real = Object.getOwnPropertyNames(binding.MxArray.prototype).filter((name) => name !== 'constructor');
  expect(real.sort()).toEqual([...membersOf(interfaceNamed('MxArray')).keys()].sort());
});
