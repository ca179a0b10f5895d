/** `GET /v1/models` and `/v1/models/{id}`: the installed models, and the chosen ones by OpenAI's names. */
import { stat } from 'node:fs/promises';
import type { ModelsList } from '../../protocol/models.js';
import type { ModelTask } from '../../protocol/model-tasks.js';
import {
  DEFAULT_MODEL_ID,
  isOpenaiName,
  isOpenaiSpeechName,
  SPEECH_MODEL_ID,
  type ApiModel,
} from '../../protocol/openai.js';
import type { ModelService } from '../../sessions/models/model-service.js';
import { json, type Route } from '../http/route.js';
import { modelNotFound } from './request.js';

type Installed = ModelsList['installed'][number];
type ModelLister = Pick<ModelService, 'request'>;

export function modelsRoutes(service: ModelLister): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/models',
      answer: async () => {
        const { installed } = await listModels(service);
        const data = await Promise.all(installed.map((model) => describe(model.name, model)));
        const chosen = [await describe(DEFAULT_MODEL_ID, chosenFor('transcribe', installed))];
        const speaking = chosenFor('speak', installed);
        if (speaking !== undefined) chosen.push(await describe(SPEECH_MODEL_ID, speaking));
        return json({ object: 'list', data: [...chosen, ...data] });
      },
    },
    {
      method: 'GET',
      path: '/v1/models/{id}',
      answer: async ({ params: { id = '' } }) => {
        const { installed } = await listModels(service);
        if (isOpenaiName(id)) return json(await describe(id, chosenFor('transcribe', installed)));
        // All names that a transcription request may use.
        const model = isOpenaiSpeechName(id)
          ? chosenFor('speak', installed)
          : installed.find(({ name, repo, catalogue }) => [name, repo, catalogue].includes(id));
        if (model === undefined) throw modelNotFound(id);
        return json(await describe(id, model));
      },
    },
  ];
}

function listModels(service: ModelLister): Promise<ModelsList> {
  return new Promise((resolve, reject) => {
    service.request({ do: 'list' }, (notice) => {
      if (notice.type === 'done' && notice.result.do === 'list') resolve(notice.result);
      else if (notice.type === 'failed') reject(notice.error);
      return true;
    });
  });
}

function chosenFor(task: ModelTask, installed: readonly Installed[]): Installed | undefined {
  return installed.find((model) => model.chosenFor.includes(task));
}

async function describe(id: string, model: Installed | undefined): Promise<ApiModel> {
  return { id, object: 'model', created: await createdAt(model?.dir), owned_by: ownerOf(model) };
}

function ownerOf(model: Installed | undefined): string {
  return model?.repo?.split('/')[0] ?? (model?.from === 'user' ? 'user' : 'sotto');
}

/** Seconds since 1970. */
async function createdAt(dir: string | undefined): Promise<number> {
  if (dir === undefined) return 0;
  try {
    return Math.floor((await stat(dir)).mtimeMs / 1000);
  } catch {
    return 0; // removed meanwhile
  }
}
