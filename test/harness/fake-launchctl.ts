/** A `launchctl` command that forwards its arguments to the fake launchd of FAKE_LAUNCHD. */
import { connect } from 'node:net';
import type { CommandResult } from '#launchd/run.js';

let answer = '';
const socket = connect(process.env.FAKE_LAUNCHD ?? '');
socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
socket.on('end', () => {
  const { code, stdout, stderr } = JSON.parse(answer) as CommandResult;
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = code;
});
socket.end(JSON.stringify(process.argv.slice(2)));
