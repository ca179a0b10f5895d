/** `sotto history export`: past dictations as Markdown, CSV or JSON. */
import type { Paths } from '../../paths.js';
import { dictationsAsCsv, dictationsAsMarkdown } from '../../protocol/history-export.js';
import type { StoredDictation } from '../../store/history/index.js';
import { createFile } from '../../writers/placement/place-text.js';
import { EXPORT_FORMATS, type HistoryFormat, type ExportHistoryOptions } from './export-formats.js';
import { jsonOf, withHistory } from './open-history.js';

/** @returns the exit code @throws SottoError OUTPUT_FAILED */
export function exportHistory(
  paths: Paths,
  { format, output, limit }: ExportHistoryOptions,
): Promise<number> {
  return withHistory(paths, async (history) => {
    const found = history.list({ limit: limit ?? Math.max(1, history.count()) });
    const chosen = format ?? formatOf(output);
    const text = formatExport(found, chosen, (one) => jsonOf(one, paths));
    if (output === undefined) process.stdout.write(text);
    else {
      await createFile(output, text);
      process.stderr.write(
        `${found.length} ${found.length === 1 ? 'dictation' : 'dictations'} saved to ${output}\n`,
      );
    }
    return 0;
  });
}

/** @param json formats one dictation */
function formatExport(
  dictations: readonly StoredDictation[],
  format: HistoryFormat,
  json: (dictation: StoredDictation) => string,
): string {
  switch (format) {
    case 'json':
      return `[${dictations.map((one) => `\n  ${json(one)}`).join(',')}\n]\n`;
    case 'csv':
      return dictationsAsCsv(dictations);
    case 'md':
      return dictationsAsMarkdown(dictations);
  }
}

function formatOf(path: string | undefined): HistoryFormat {
  return EXPORT_FORMATS.find((format) => path?.toLowerCase().endsWith(`.${format}`)) ?? 'md';
}
