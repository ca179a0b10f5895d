/** `node print-skipped.js REPORT.json…`: prints skipped tests by reason, for .ci/run. */
import { readFileSync } from 'node:fs';
import { skippedSummary, type Results } from './skipping-summary.js';

const reports = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, 'utf8')) as Results);
const together = { testResults: reports.flatMap(({ testResults }) => testResults) };
for (const line of skippedSummary(together)) console.log(line);
