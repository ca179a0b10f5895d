// Collects the licenses of the included software in one file.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** For packages that declare a license without its text: the file of another package with the same license. */
const LICENSE_TEXTS = {
  MIT: 'node_modules/ws/LICENSE',
  'Apache-2.0': 'node_modules/@eshaz/web-worker/LICENSE',
};
/** For packages that contain a library without its license: the file of that. */
const CONTAINED_LICENSES = {
  'libopus-wasm': 'launchd/release/licenses/libopus.txt',
  'opus-decoder': 'launchd/release/licenses/libopus.txt',
};
const LICENSE_FILE = /^(licen[cs]e|copying|notice)([.-][^/]*)?$/i;

/**
 * @param packages result of `productionPackages`
 * @param wheels folders of unpacked Python wheels
 * @param node `{ license, version }` of the included Node
 */
export function renderThirdParty(root, packages, wheels, node) {
  const sections = [
    section(`Node.js ${node.version}`, undefined, [readFileSync(node.license, 'utf8')]),
    ...wheels.map((wheel) => section(nameOfWheel(wheel), undefined, wheelLicenses(wheel))),
    ...packages.map(({ place, name, version, license }) =>
      section(`${name} ${version}`, license, [
        ...licenseTexts(root, place, license),
        ...containedLicenses(root, name),
      ]),
    ),
  ];
  return `# Third-Party Software

Sotto is under the MIT License (LICENSE); NOTICES.md lists the sources of the model, the vocabularies and the speech.
These are the included libraries, unmodified, with their licenses.

${sections.join('\n')}`;
}

function section(title, license, texts) {
  const declared = license === undefined ? '' : `License: ${license}\n\n`;
  return `## ${title}\n\n${declared}${texts.map((text) => `\`\`\`\n${text.trim()}\n\`\`\`\n`).join('\n')}`;
}

/** @throws Error for a package without a known license text */
export function licenseTexts(root, place, license) {
  const folder = path.join(root, place);
  const own = readdirSync(folder).filter((name) => LICENSE_FILE.test(name));
  if (own.length > 0) return own.map((name) => readFileSync(path.join(folder, name), 'utf8'));
  const source = LICENSE_TEXTS[license];
  if (source === undefined) throw new Error(`${place} (${license ?? 'no license'}) has no license text`);
  const { author } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const holder = typeof author === 'string' ? author : author?.name;
  const text = readFileSync(path.join(root, source), 'utf8')
    .replace(/^Copyright.*$/gm, '')
    .trim();
  return [`${holder === undefined ? '' : `By ${holder}\n\n`}${text}`];
}

function containedLicenses(root, name) {
  const file = CONTAINED_LICENSES[name];
  return file === undefined ? [] : [readFileSync(path.join(root, file), 'utf8')];
}

function wheelLicenses(wheel) {
  const info = readdirSync(wheel).find((name) => name.endsWith('.dist-info'));
  const folder = info === undefined ? undefined : path.join(wheel, info, 'licenses');
  if (folder === undefined || !existsSync(folder)) throw new Error(`${wheel} has no license file`);
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(path.join(entry.parentPath ?? entry.path, entry.name), 'utf8'));
}

/** `mlx-metal 0.32.4` from `mlx-metal-0.32.4-darwin-arm64-8019b2db`. */
const nameOfWheel = (wheel) => path.basename(wheel).replace(/^(.+?)-(\d[\d.]*)-.*$/, '$1 $2');
