/** Installed models and the catalogue, as sent to clients. */
import type { ModelRef } from '../../protocol/ipc.js';
import type { ModelTask } from '../../protocol/model-tasks.js';
import type { ModelsResultOf } from '../../protocol/models.js';
import {
  CATALOGUE,
  catalogueEntry,
  publishedErrors,
  recommendedLanguages,
  recommendedModel,
  thisMachine,
  unquantizedFormOf,
  wordErrorRate,
  type CatalogueEntry,
} from '../../store/catalogue/index.js';
import { readRecord } from '../../store/download/model-record.js';
import { folderBytes } from '../../store/download/download-folder.js';
import { findModel, type ModelDirs } from '../../store/find-model.js';
import { installedModels, partialDownloads } from '../../store/installed-models.js';
import { tasksChosen } from '../../store/chosen-model.js';
import type { ModelDescriptions } from '../../store/model-descriptions.js';
import type { ModelStates } from './model-states.js';
import { defined } from '../../protocol/defined.js';

interface ModelListContext {
  readonly modelDirs: ModelDirs;
  readonly states: ModelStates;
  /** The chosen model of each task that has one. */
  readonly chosen: ReadonlyMap<ModelTask, ModelRef>;
  readonly descriptions: ModelDescriptions;
  /** Path of machine.json. */
  readonly machineSpeed: string;
}

export async function listModels({
  modelDirs,
  states,
  chosen,
  machineSpeed,
  descriptions,
}: ModelListContext): Promise<ModelsResultOf<'list'>> {
  const all = await installedModels(modelDirs);
  // If two models share a name, the name finds the user's own, which comes first.
  const installed = all.filter(({ name }, index) => all.findIndex((one) => one.name === name) === index);
  states.setInstalled(installed.map(({ name }) => name));
  const machine = thisMachine(machineSpeed);
  const suited = recommendedLanguages(machine);
  const known = await descriptions.of(installed.map(({ dir }) => dir));
  return {
    do: 'list',
    machine: { ...machine },
    recommended: recommendedModel(machine).name,
    ...defined({ chosen: chosen.get('transcribe')?.name }),
    installed: installed.map(({ name, dir, bytes, from, record, entry }) => ({
      name,
      dir,
      bytes,
      from,
      ...(record !== undefined && { repo: record.repo, revision: record.revision }),
      ...defined({ catalogue: entry?.name }),
      chosen: dir === chosen.get('transcribe')?.dir,
      tasks: [...(known.get(dir)?.tasks ?? [])],
      languages: [...(known.get(dir)?.languages ?? [])],
      chosenFor: tasksChosen(chosen, dir),
      status: states.status(name),
    })),
    partial: (await partialDownloads(modelDirs.models)).map((part) => ({
      ...part,
      status: states.status(part.name),
    })),
    catalogue: CATALOGUE.map((entry) => ({
      ...onWire(entry),
      ...defined({ recommendedFor: [...(suited.get(entry.name) ?? [])] }),
    })),
  };
}

/** @throws SottoError MODEL_NOT_FOUND for a model that is neither installed nor in the catalogue */
export async function modelInfo(
  { modelDirs, states, chosen, descriptions }: ModelListContext,
  wanted: string,
): Promise<ModelsResultOf<'info'>> {
  const known = catalogueEntry(wanted);
  let installedModel: ModelRef | undefined;
  try {
    installedModel = findModel(modelDirs, wanted);
  } catch (error) {
    if (known === undefined) throw error;
  }
  const record = installedModel === undefined ? undefined : readRecord(installedModel.dir);
  const entry = record === undefined ? known : CATALOGUE.find(({ repo }) => repo === record.repo);
  const name = installedModel?.name ?? known?.name ?? wanted;
  const dir = installedModel?.dir;
  const can = dir === undefined ? entry : (await descriptions.of([dir])).get(dir);
  return {
    do: 'info',
    name,
    ...defined({
      here:
        installedModel === undefined
          ? undefined
          : { dir: installedModel.dir, bytes: await folderBytes(installedModel.dir) },
    }),
    chosen: dir !== undefined && dir === chosen.get('transcribe')?.dir,
    tasks: [...(can?.tasks ?? [])],
    languages: [...(can?.languages ?? [])],
    chosenFor: dir === undefined ? [] : tasksChosen(chosen, dir),
    status: states.status(name),
    ...defined({
      record:
        record === undefined ? undefined : { ...record, files: record.files.map((file) => ({ ...file })) },
      catalogue: entry === undefined ? undefined : onWire(entry),
    }),
  };
}

function onWire(entry: CatalogueEntry) {
  const { name, aliases, tasks, languages } = entry;
  return {
    ...entry,
    aliases: [...aliases],
    tasks: [...tasks],
    languages: [...languages],
    ...defined({ wordErrors: wordErrorsOf(name, entry) }),
  };
}

function wordErrorsOf(name: string, entry: CatalogueEntry) {
  const measured = wordErrorRate(name);
  if (measured !== undefined) return { percent: measured };
  const published = publishedErrors((unquantizedFormOf(entry) ?? entry).name);
  return published && { percent: published.percent, publishedBy: published.source };
}
