/** A compact recording as a WAV that players can open. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, AUDIO_FILE } from '../../protocol/file-errors.js';
import { unpackCodes, type PackedCodes } from '../../store/codes/packed-codes.js';
import { saveSamples } from '../../store/recordings.js';
import type { SpeechService } from '../speech/speech-service.js';

/**
 * Writes the WAV beside it.
 *
 * @param folder of the recordings
 * @param name of the compact recording of the dictation
 * @returns the file name of the WAV
 * @throws SottoError AUDIO_NOT_FOUND, MODEL_NOT_FOUND if its codec is no longer installed, OUTPUT_FAILED
 */
export async function decodeRecording(
  speeches: Pick<SpeechService, 'open'>,
  folder: string,
  { id, name }: { readonly id: string; readonly name: string },
): Promise<string> {
  const path = join(folder, name);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw fileError(path, error, AUDIO_FILE);
  }
  return saveSamples(folder, id, await samplesOf(speeches, unpackCodes(bytes)));
}

function samplesOf(
  speeches: Pick<SpeechService, 'open'>,
  { model, sampleRate: _, ...encoded }: PackedCodes,
): Promise<{ sampleRate: number; parts: Float32Array[] }> {
  return new Promise((resolve, reject) => {
    const parts: Float32Array[] = [];
    let rate = 0;
    const { session } = speeches.open({ source: { type: 'codes', encoded }, model }, (notice) => {
      switch (notice.type) {
        case 'opened':
          rate = notice.sampleRate;
          return;
        case 'audio':
          parts.push(notice.samples);
          session.acknowledge(notice.firstSample + notice.samples.length);
          return;
        case 'final':
          resolve({ sampleRate: rate, parts });
          return;
        case 'failed':
          reject(notice.error);
          return;
        default:
      }
    });
  });
}
