/** `GET /v1/models` and `/v1/models/{id}`: what is installed, and the name that stands for the chosen one. */
import { stat } from 'node:fs/promises';
import type { ModelsList } from '../../protocol/models.js';
import { CHOSEN_MODEL, isOpenaiName, type ApiModel } from '../../protocol/openai.js';
import type { ModelService } from '../../sessions/models/model-service.js';
import { json, type Route } from '../http/route.js';
import { modelNotFound } from './request.js';

type Installed = ModelsList['installed'][number];
type Desk = Pick<ModelService, 'request'>;

export function modelsRoutes(desk: Desk): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/models',
      answer: async () => {
        const { installed } = await listed(desk);
        const data = await Promise.all(installed.map((model) => described(model.name, model)));
        const chosen = await described(CHOSEN_MODEL, chosenOf(installed));
        return json({ object: 'list', data: [chosen, ...data] });
      },
    },
    {
      method: 'GET',
      path: '/v1/models/{id}',
      answer: async ({ params: { id = '' } }) => {
        const { installed } = await listed(desk);
        if (isOpenaiName(id)) return json(await described(id, chosenOf(installed)));
        // By every name that a transcription may give it.
        const model = installed.find(({ name, repo, catalogue }) => [name, repo, catalogue].includes(id));
        if (model === undefined) throw modelNotFound(id);
        return json(await described(id, model));
      },
    },
  ];
}

function listed(desk: Desk): Promise<ModelsList> {
  return new Promise((resolve, reject) => {
    desk.request({ do: 'list' }, (notice) => {
      if (notice.type === 'done' && notice.result.do === 'list') resolve(notice.result);
      else if (notice.type === 'failed') reject(notice.error);
      return true;
    });
  });
}

function chosenOf(installed: readonly Installed[]): Installed | undefined {
  return installed.find(({ chosen }) => chosen);
}

async function described(id: string, model: Installed | undefined): Promise<ApiModel> {
  return { id, object: 'model', created: await cameAt(model?.dir), owned_by: ownerOf(model) };
}

function ownerOf(model: Installed | undefined): string {
  return model?.repo?.split('/')[0] ?? (model?.from === 'user' ? 'user' : 'sotto');
}

/** Seconds since 1970. */
async function cameAt(dir: string | undefined): Promise<number> {
  if (dir === undefined) return 0;
  try {
    return Math.floor((await stat(dir)).mtimeMs / 1000);
  } catch {
    return 0; // it has gone meanwhile
  }
}
