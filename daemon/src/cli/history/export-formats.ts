/** What `sotto history export` can be asked for: read before the command is loaded. */

export const EXPORT_FORMATS = ['md', 'csv', 'json'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportHistoryOptions {
  readonly format?: ExportFormat;
  /** Never overwritten. Stdout when left out. */
  readonly output?: string;
  /** The newest ones; all when left out. */
  readonly limit?: number;
}
