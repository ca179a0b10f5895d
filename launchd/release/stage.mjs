// Copies a release into a folder with the layout of a clone, so that no paths need to be configured.
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { filesOf, productionPackages, runDependencies } from './packages.mjs';
import { renderThirdParty } from './third-party.mjs';

/** Files of the clone that a release includes, for every target. */
const INCLUDED = [
  /^(LICENSE|NOTICES\.md|README\.md|USAGE\.md|STATUS\.md|CHANGELOG\.md|SECURITY\.md)$/,
  /^daemon\/bin\//,
  /^dist\/(native|daemon|launchd)\/.*\.(js|d\.ts)$/,
  // Script and style of the HTML report.
  /^daemon\/src\/writers\/report\/.*\.(js|css)$/,
  /^assets\/(models|selftest|speech|vad|vocab)\//,
  // For building the extension without the Store. Its packages are development dependencies, so they are not included.
  /^extension\/(src|assets)\//,
  /^extension\/(package(-lock)?|tsconfig)\.json$|^extension\/(README|CHANGELOG)\.md$/,
];

/** Files of an unpacked Python wheel: its libraries and licenses, but not headers and CMake files. */
const WHEEL_FILES =
  /^(mlx\/lib\/[^/]+|mlx_cpu\.libs\/[^/]+|scipy_openblas32\/lib\/[^/]+\.so[^/]*|[^/]+\.dist-info\/licenses\/.+)$/;

/**
 * @param build `{ target, addon, mic, wheels, info }`: the addon file, the recording program, the folders of the wheels
 *   that it is linked with (`native/vendor/…`, absolute), and the content of `build.json`
 * @param node `{ program, license, version }` of the included Node
 * @param url address of the releases; empty if unknown
 */
export function stage(root, folder, { target, addon, mic, wheels, info }, { node, url = '' }) {
  const copyTo = (from, to, mode = 0o644) => {
    mkdirSync(path.dirname(path.join(folder, to)), { recursive: true });
    copyFileSync(from, path.join(folder, to));
    chmodSync(path.join(folder, to), mode);
  };
  const write = (to, text) => {
    mkdirSync(path.dirname(path.join(folder, to)), { recursive: true });
    writeFileSync(path.join(folder, to), text, { mode: 0o644 });
  };

  const folders = [
    'daemon/bin',
    'daemon/src/writers/report',
    'dist/native',
    'dist/daemon',
    'dist/launchd',
    'assets',
    'extension/src',
    'extension/assets',
  ];
  for (const file of [
    ...topLevelFiles(root, ''),
    ...topLevelFiles(root, 'extension'),
    ...folders.flatMap((at) => below(root, at)),
  ].filter(isIncluded))
    copyTo(path.join(root, file), file, file === 'daemon/bin/sotto.mjs' ? 0o755 : 0o644);
  copyTo(node.program, 'bin/node', 0o755);
  copyTo(addon, `native/lib/${target}/sotto-mlx.node`);
  copyTo(mic, `native/lib/${target}/sotto-mic`, 0o755);
  write(`native/lib/${target}/build.json`, `${JSON.stringify(info, null, 2)}\n`);
  for (const wheel of wheels) {
    const place = path.relative(root, wheel);
    for (const file of filesIn(wheel).filter((name) => WHEEL_FILES.test(name)))
      copyTo(path.join(wheel, file), path.join(place, file));
  }

  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  const packages = productionPackages(lock);
  for (const { place, name } of packages)
    for (const file of filesOf(path.join(root, place), name, target))
      copyTo(path.join(root, place, file), path.join(place, file));
  write('release.json', `${JSON.stringify({ url })}\n`);
  write('package.json', `${JSON.stringify(manifest(root, lock, target), null, 2)}\n`);
  write('THIRD-PARTY.md', renderThirdParty(root, packages, wheels, node));
}

const isIncluded = (file) => INCLUDED.some((pattern) => pattern.test(file));

const topLevelFiles = (root, at) =>
  readdirSync(path.join(root, at), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(at, entry.name));

const below = (root, at) => filesIn(path.join(root, at)).map((name) => path.join(at, name));

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/** The package.json of a release: it bundles its packages, so npm downloads and builds nothing. */
function manifest(root, lock, target) {
  const { name, version, description, license, type, engines, bin, imports, exports, dependencies } =
    JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const [os, cpu] = target.split('-');
  const inside = runDependencies(lock);
  const ownImports = Object.fromEntries(Object.entries(imports).filter(([name]) => name !== '#test/*'));
  return {
    name,
    version,
    description,
    license,
    type,
    engines,
    os: [os],
    cpu: [cpu],
    bin,
    imports: ownImports,
    exports,
    dependencies: Object.fromEntries(inside.map((dependency) => [dependency, dependencies[dependency]])),
    bundleDependencies: inside,
  };
}
