/**
 *     npm run mutate                        every named mutation, and 10 sampled mutants of each room
 *     npm run mutate -- --count 50 --seed 7 --room store
 *     npm run mutate -- --named-only | --sampled-only | --file daemon/src/supervisor/hang-watch.ts
 *     npm run mutate -- --file daemon/src/engine/cache-limit.ts --line 10 --count 100
 *
 * Prints which mutants the rooms' own suites kill, and each survivor. Exits with 1 if a named mutation survives or is stale.
 * `--limit-s` is the maximum duration of one suite (120).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '#daemon/paths.js';
import { printTable } from '#test/bench/report.js';
import { seededRandom } from '#test/harness/seeded-random.js';
import { ACTIVE_MUTANT, instrument, type Mutant } from './mutants.js';
import { NAMED_MUTATIONS } from './named-mutations.js';
import { SuiteRunner, type Outcome } from './run-suites.js';
import { Importers, roomFolder, ROOMS, sourcesIn, type Room } from './suites.js';
import { Workspace } from './workspace.js';

const { values: args } = parseArgs({
  options: {
    room: { type: 'string', multiple: true, default: [...ROOMS] },
    file: { type: 'string', multiple: true },
    line: { type: 'string', multiple: true },
    count: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    'limit-s': { type: 'string', default: '120' },
    'named-only': { type: 'boolean', default: false },
    'sampled-only': { type: 'boolean', default: false },
  },
});
const rooms = ROOMS.filter((room) => args.room.includes(room));
const importers = new Importers();
const workspace = new Workspace();
const runner = new SuiteRunner(workspace, Number(args['limit-s']) * 1_000);

interface OutcomeCounts extends Record<Outcome, number> {
  readonly room: string;
  /** Mutants in files that no suite imports. */
  uncovered: number;
}

const allCounts: OutcomeCounts[] = [];
const survivors: string[] = [];
let mustFail = false;

const addCounts = (room: string): OutcomeCounts => {
  const counts: OutcomeCounts = { room, killed: 0, timeout: 0, survived: 0, uncovered: 0 };
  allCounts.push(counts);
  return counts;
};

/** `count` values, each equally likely. */
function sample<T>(values: readonly T[], count: number, random: () => number): T[] {
  const rest = [...values];
  return Array.from({ length: Math.min(count, rest.length) }, () =>
    rest.splice(Math.floor(random() * rest.length), 1),
  ).flat();
}

async function runSampledMutants(room: Room): Promise<void> {
  const files = sourcesIn(roomFolder(room)).filter((file) => args.file?.includes(file) ?? true);
  if (files.length === 0) return;
  const mutants = (await instrument(files, workspace)).filter(
    ({ line }) => args.line?.includes(String(line)) ?? true,
  );
  const chosen = sample(mutants, Number(args.count), seededRandom(Number(args.seed)));
  const counts = addCounts(`${room} (${mutants.length})`);
  for (const mutant of chosen) await testMutant(mutant, room, counts);
  for (const file of files) workspace.restore(file);
}

async function testMutant(mutant: Mutant, room: Room, counts: OutcomeCounts): Promise<void> {
  const suites = await runner.passing(importers.suitesOf(mutant.file, room));
  const outcome = await runner.kill(suites, { [ACTIVE_MUTANT]: mutant.id });
  counts[outcome]++;
  if (suites.length === 0) counts.uncovered++;
  const line = `${mutant.file}:${mutant.line}  ${mutant.change}`;
  console.log(`${outcome.padEnd(8)}  ${line}`);
  if (outcome === 'survived') survivors.push(suites.length === 0 ? `${line}  (no suite)` : line);
}

async function runNamedMutations(): Promise<void> {
  const counts = addCounts('named');
  for (const { name, room, file, search, replace, suites: extraSuites } of NAMED_MUTATIONS) {
    const source = readFileSync(join(packageRoot, file), 'utf8');
    if (source.split(search).length !== 2) {
      mustFail = true;
      console.error(`STALE  ${name}: ${file} does not contain exactly one ${JSON.stringify(search)}`);
      survivors.push(`${file}  ${name}: STALE, update test/mutation/named-mutations.ts`);
      continue;
    }
    const suites = await runner.passing([...extraSuites, ...importers.suitesOf(file, room as Room)]);
    workspace.write(
      file,
      source.replace(search, () => replace),
    );
    const outcome = await runner.kill(suites, {});
    workspace.restore(file);
    counts[outcome]++;
    const line = `${file}:${source.slice(0, source.indexOf(search)).split('\n').length}  ${name}`;
    console.log(`${outcome.padEnd(8)}  ${line}`);
    if (outcome === 'survived') {
      mustFail = true;
      survivors.push(line);
    }
  }
}

try {
  if (!args['sampled-only'] && args.file === undefined) await runNamedMutations();
  if (!args['named-only']) for (const room of rooms) await runSampledMutants(room);
  console.log();
  printTable(
    ['room (mutants)', 'tried', 'killed', 'timeout', 'survived', 'without a suite'],
    allCounts.map(({ room, killed, timeout, survived, uncovered }) =>
      [room, killed + timeout + survived, killed, timeout, survived, uncovered].map(String),
    ),
  );
  if (survivors.length > 0) console.log(`\nSurvivors (seed ${args.seed}):\n${survivors.join('\n')}`);
} finally {
  workspace.remove();
}
process.exitCode = mustFail ? 1 : 0;
