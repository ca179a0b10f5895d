/** `sotto models use`: which model is used when none is named. */
import { dirname, resolve } from 'node:path';
import { bundledModels, type Paths } from '../paths.js';
import { findModel } from '../store/find-model.js';
import { chooseModel } from '../store/write-settings.js';
import { modelArgument } from './models-argument.js';
import { shelvesOf } from './shelves.js';

/** The exit code of the command. @throws SottoError */
export async function use(paths: Paths, name: string): Promise<number> {
  const model = findModel(shelvesOf(paths), modelArgument(name, paths));
  const shelf = resolve(dirname(model.dir));
  const isNamed = shelf === resolve(paths.models) || shelf === resolve(bundledModels);
  await chooseModel(paths.settings, isNamed ? model.name : model.dir);
  process.stdout.write(
    `${model.name} is used from now on; a daemon that runs takes it when it is started next\n`,
  );
  return 0;
}
