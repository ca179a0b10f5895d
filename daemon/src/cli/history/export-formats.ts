/** Options of `sotto history export`; a separate file, so that help does not load the export. */

export const EXPORT_FORMATS = ['md', 'csv', 'json'] as const;
export type HistoryFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportHistoryOptions {
  readonly format?: HistoryFormat;
  /** New file; stdout if absent. */
  readonly output?: string;
  /** Newest first; all if absent. */
  readonly limit?: number;
}
