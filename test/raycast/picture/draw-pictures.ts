/**
 * `npm run pictures [NAME…]`: draws pictures of what the extension's commands render, driven end to end. Those for the Store
 * go to `extension/metadata`, smaller ones to `extension/media`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from '#test/launchd/release-modules.js';
import { buildExtension, extensionFolder, whyNotBuilt } from '../build-extension.js';
import { installTools } from '../ray-node.js';
import { animatedPng, type AnimationFrame } from './animated-png.js';
import { Painter } from './painter.js';
import { missingIcons } from './icons.js';
import { ANIMATIONS, SCENES, type Scene } from './scenes.js';
import { SceneEnvironment } from './scene-environment.js';

async function main(names: readonly string[]): Promise<void> {
  const isChosen = ({ name }: { name: string }): boolean => names.length === 0 || names.includes(name);
  const [scenes, animations] = [SCENES.filter(isChosen), ANIMATIONS.filter(isChosen)];
  if (scenes.length + animations.length === 0) {
    throw new Error(`the scenes are: ${[...SCENES, ...ANIMATIONS].map(({ name }) => name).join(', ')}`);
  }
  const reason = await whyNotBuilt();
  if (reason !== undefined) throw new Error(reason);
  await installTools();
  const { markDrawn } = await load('launchd/release/drawn-pictures.mjs');
  const painter = await Painter.start();
  if (typeof painter === 'string') throw new Error(`can't draw pictures: ${painter}`);
  const built = await buildExtension(extensionFolder);

  /** Draws in a new environment. A scene that fails does not stop the others. */
  async function drawing(name: string, draw: (environment: SceneEnvironment) => Promise<readonly string[]>) {
    const environment = new SceneEnvironment(built);
    try {
      for (const path of await draw(environment)) {
        markDrawn(path);
        console.log(`${name} → ${path}`);
      }
    } catch (error) {
      console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
    } finally {
      await environment.close();
    }
  }

  try {
    for (const scene of scenes) {
      await drawing(scene.name, async (environment) => {
        const content = await scene.draw(environment);
        const outputs = outputsOf(scene);
        for (const { path, scale } of outputs) await painter.paint(content, path, scale);
        return outputs.map(({ path }) => path);
      });
    }
    for (const { name, draw } of animations) {
      await drawing(name, async (environment) => {
        const path = inFolder('media', `${name}.png`);
        const frames: AnimationFrame[] = [];
        for (const { content, ms } of await draw(environment)) {
          await painter.paint(content, path, 1);
          frames.push({ png: readFileSync(path), ms });
        }
        writeFileSync(path, animatedPng(frames));
        return [path];
      });
    }
  } finally {
    built.remove();
    await painter.close();
  }
  if (missingIcons.size > 0) console.warn(`missing icons: ${[...missingIcons].join(', ')}`);
}

/** 2000 × 1250 pixels for the Store, 1000 × 625 for a README. */
function outputsOf({ name, store, isInReadme }: Scene): { path: string; scale: 1 | 2 }[] {
  return [
    ...(store === undefined ? [] : [{ path: inFolder('metadata', `sotto-${store}.png`), scale: 2 as const }]),
    ...(isInReadme === true ? [{ path: inFolder('media', `${name}.png`), scale: 1 as const }] : []),
  ];
}

function inFolder(folder: string, file: string): string {
  mkdirSync(join(extensionFolder, folder), { recursive: true });
  return join(extensionFolder, folder, file);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
