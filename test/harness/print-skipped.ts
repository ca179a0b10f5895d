/** `node print-skipped.js REPORT.json`: the tests of a run that were skipped, by reason; for .ci/run. */
import { readFileSync } from 'node:fs';
import { skippedSummary, type Results } from './skipping-summary.js';

const [report = ''] = process.argv.slice(2);
for (const line of skippedSummary(JSON.parse(readFileSync(report, 'utf8')) as Results)) console.log(line);
