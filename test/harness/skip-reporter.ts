/** A reporter of Jest: after its own summary, how many tests were skipped for which reason. */
import { skippedSummary, type Results } from './skipping-summary.js';

class SkipReporter {
  /** Under `-t` most tests are left out by choice. */
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
