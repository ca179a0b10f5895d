/**
 * `npm run pictures [NAME…]`: draws pictures of what the extension's commands render, driven end to end. Those for the Store
 * go to `extension/metadata`, smaller ones to `extension/media`.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { load } from '#test/launchd/release-modules.js';
import { buildExtension, extensionFolder, whyNotBuilt } from '../build-extension.js';
import { installTools } from '../ray-node.js';
import { Painter } from './painter.js';
import { missingIcons } from './icons.js';
import { SCENES, type Scene } from './scenes.js';
import { SceneEnvironment } from './scene-environment.js';

async function main(names: readonly string[]): Promise<void> {
  const scenes = SCENES.filter(({ name }) => names.length === 0 || names.includes(name));
  if (scenes.length === 0) throw new Error(`the scenes are: ${SCENES.map(({ name }) => name).join(', ')}`);
  const reason = await whyNotBuilt();
  if (reason !== undefined) throw new Error(reason);
  await installTools();
  const { markDrawn } = await load('launchd/release/drawn-pictures.mjs');
  const painter = await Painter.start();
  if (typeof painter === 'string') throw new Error(`can't draw pictures: ${painter}`);
  const built = await buildExtension(extensionFolder);
  try {
    for (const scene of scenes) {
      const environment = new SceneEnvironment(built);
      try {
        const content = await scene.draw(environment);
        for (const { path, scale } of outputsOf(scene)) {
          await painter.paint(content, path, scale);
          markDrawn(path);
          console.log(`${scene.name} → ${path}`);
        }
      } catch (error) {
        console.error(`${scene.name}: ${error instanceof Error ? error.message : String(error)}`);
        process.exitCode = 1;
      } finally {
        await environment.close();
      }
    }
  } finally {
    built.remove();
    await painter.close();
  }
  if (missingIcons.size > 0) console.warn(`missing icons: ${[...missingIcons].join(', ')}`);
}

/** 2000 × 1250 pixels for the Store, 1000 × 625 for a README. */
function outputsOf({ name, store, isInReadme }: Scene): { path: string; scale: 1 | 2 }[] {
  const inFolder = (folder: string, file: string): string => {
    mkdirSync(join(extensionFolder, folder), { recursive: true });
    return join(extensionFolder, folder, file);
  };
  return [
    ...(store === undefined ? [] : [{ path: inFolder('metadata', `sotto-${store}.png`), scale: 2 as const }]),
    ...(isInReadme === true ? [{ path: inFolder('media', `${name}.png`), scale: 1 as const }] : []),
  ];
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
