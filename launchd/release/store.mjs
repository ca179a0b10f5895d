// Writes the extension as Raycast's Store requires it: a folder that builds alone, with the part of Sotto's client that
// its commands use. It has no binaries: a command finds the installed `sotto`.
//   npm run store [-- --out FOLDER] [--with-drawn-pictures]
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';
import { setup } from '../../native/build/setup.mjs';
import { SetupError, thisSystem } from '../../native/build/system.mjs';
import { drawnPictures } from './drawn-pictures.mjs';
import { productionPackages } from './packages.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** Files that npm and Raycast's tools create in the extension's folder. */
const EXCLUDED = new Set(['node_modules', 'dist', 'raycast-env.d.ts', '.installing', '.DS_Store']);
/** Folder of Sotto's sources, which reviewers can read and Raycast compiles; `sotto/` in the copy. */
const SOURCES = 'daemon/src/';
/** Folder of the compiled sources in package.json's exports. */
const COMPILED = './dist/daemon/src/';

/** Writes the copy into `folder`, which is empty or missing. */
export function writeStoreCopy(root, folder) {
  const json = (file) => JSON.parse(readFileSync(path.join(root, file), 'utf8'));
  const write = (to, value) => writeFileSync(path.join(folder, to), `${JSON.stringify(value, null, 2)}\n`);
  cpSync(path.join(root, 'extension'), folder, {
    recursive: true,
    filter: (source) => !EXCLUDED.has(path.basename(source)),
  });

  const { exports, dependencies, devDependencies, ...about } = json('package.json');
  const entries = findEntries(path.join(folder, 'src')).map((name) => [name, sourceOf(exports[name])]);
  const { files, packages } = collectImports(
    root,
    entries.map(([, file]) => file),
  );
  const client = {
    name: about.name,
    version: about.version,
    description: 'What the extension needs of Sotto’s client.',
    license: about.license,
    type: about.type,
    exports: Object.fromEntries(entries.map(([name, file]) => [name, `./${pathInCopy(file)}`])),
    dependencies: pickVersions(packages, { ...devDependencies, ...dependencies }),
  };
  for (const file of files) copy(path.join(root, file), path.join(folder, 'sotto', pathInCopy(file)));
  copy(path.join(root, 'LICENSE'), path.join(folder, 'sotto/LICENSE'));
  write('sotto/package.json', client);

  const manifest = json('extension/package.json');
  manifest.dependencies.sotto = 'file:./sotto';
  write('package.json', manifest);
  write(
    'package-lock.json',
    mergeLock(client, json('extension/package-lock.json'), json('package-lock.json')),
  );
}

/** The imported entry points of Sotto: `./client`, `./protocol`. */
function findEntries(sources) {
  const files = readdirSync(sources, { recursive: true }).filter((name) => /\.tsx?$/.test(name));
  const all = files.flatMap((name) => importsOf(path.join(sources, name)));
  const own = all.filter((name) => name.startsWith('sotto/')).map((name) => name.replace('sotto', '.'));
  return [...new Set(own)].sort();
}

/** Versions of the packages, and of the packages with their types. */
function pickVersions(packages, known) {
  const names = packages
    .flatMap((name) => [name, `@types/${name}`])
    .filter((name) => known[name] !== undefined);
  return Object.fromEntries(names.sort().map((name) => [name, known[name]]));
}

/** All sources reachable from `entries`, and the packages that they import. */
function collectImports(root, entries) {
  const files = new Set();
  const packages = new Set();
  const reach = (file) => {
    if (files.has(file)) return;
    if (!file.startsWith(SOURCES)) throw new Error(`${file} can't be included: it is outside ${SOURCES}`);
    files.add(file);
    for (const name of importsOf(path.join(root, file))) {
      if (name.startsWith('.')) reach(path.join(path.dirname(file), name.replace(/\.js$/, '.ts')));
      else if (!name.startsWith('node:')) packages.add(name);
    }
  };
  entries.forEach(reach);
  return { files: [...files].sort(), packages: [...packages].sort() };
}

/** The extension's lockfile with the client's packages, in the versions that Sotto is tested with. */
function mergeLock(client, lock, rootLock) {
  const { dependencies, version, license } = client;
  const packages = Object.fromEntries(
    Object.entries(lock.packages).filter(([place]) => !place.startsWith('..')),
  );
  packages[''].dependencies.sotto = 'file:./sotto';
  packages['node_modules/sotto'] = { resolved: 'sotto', link: true };
  packages.sotto = { version, license, dependencies };
  const needed = productionPackages({ packages: { ...rootLock.packages, '': { dependencies } } });
  for (const { place } of needed) {
    packages[`sotto/${place}`] = { ...rootLock.packages[place] };
    delete packages[`sotto/${place}`].dev;
  }
  return { ...lock, packages };
}

/** @throws SetupError if a picture was not captured in Raycast */
export function refuseDrawnPictures(folder) {
  const drawn = drawnPictures(folder);
  if (drawn.length === 0) return;
  throw new SetupError(
    `${drawn.length} pictures in extension/metadata are drawn, not captured in Raycast: ${drawn.join(', ')}.`,
    "Capture them with Raycast's Window Capture, or pass --with-drawn-pictures for a copy that is not submitted.",
  );
}

const importsOf = (file) =>
  ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles.map(({ fileName }) => fileName);

/** The source of a compiled module. */
const sourceOf = (file) => file.replace(COMPILED, SOURCES).replace(/\.js$/, '.ts');

const pathInCopy = (file) => file.slice(SOURCES.length);

function copy(from, to) {
  mkdirSync(path.dirname(to), { recursive: true });
  copyFileSync(from, to);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const usual = path.join(root, 'native/obj/store/sotto');
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: usual },
      'with-drawn-pictures': { type: 'boolean', default: false },
    },
  });
  try {
    if (!values['with-drawn-pictures']) refuseDrawnPictures(path.join(root, 'extension/metadata'));
    await setup(thisSystem());
    const folder = path.resolve(values.out);
    // Only the default folder is emptied, never one that the user chose.
    if (folder === usual) rmSync(folder, { recursive: true, force: true });
    else if (existsSync(folder) && readdirSync(folder).length > 0)
      throw new SetupError(`${folder} is not empty.`, 'Name another folder, or empty it.');
    writeStoreCopy(root, folder);
    console.log(`${path.relative(process.cwd(), folder)}: the extension as the Store takes it`);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    if (error.details) console.error(error.details.trimEnd());
    console.error(`store failed: ${error.message}\n  → ${error.nextStep}`);
    process.exitCode = 1;
  }
}
