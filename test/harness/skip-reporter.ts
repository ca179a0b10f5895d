/** A Jest reporter that prints the number of skipped tests by reason. */
import { skippedSummary, type Results } from './skipping-summary.js';

class SkipReporter {
  /** With `-t` most tests are skipped by choice. */
  readonly #isFiltered: boolean;

  constructor({ testNamePattern }: { readonly testNamePattern?: string | undefined }) {
    this.#isFiltered = (testNamePattern ?? '') !== '';
  }

  onRunComplete(_contexts: unknown, results: Results): void {
    if (this.#isFiltered) return;
    const lines = skippedSummary(results);
    if (lines.length > 0) process.stderr.write(`\n${lines.join('\n')}\n`);
  }
}

export { SkipReporter as default };
