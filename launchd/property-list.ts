/** The property list of the LaunchAgent. Why each key is there: ../launchd/README.md. */
import { build } from 'plist';
import type { AgentPlan } from './agent.js';

/** launchd's own least time between two starts. */
const THROTTLE_SECONDS = 10;
/** The daemon gives the file that it is at 5 s, and its engine 2. */
const EXIT_TIMEOUT_SECONDS = 20;
const MAX_OPEN_FILES = 4096;

/** XML, as `~/Library/LaunchAgents/<label>.plist` holds it. */
export function renderPropertyList(plan: AgentPlan): string {
  const { label, launcher, log, folder, environment } = plan;
  const list = {
    Label: label,
    ProgramArguments: [launcher],
    RunAtLoad: true,
    // A failure is tried again; whoever ended it with `sotto daemon stop` meant it.
    KeepAlive: { SuccessfulExit: false },
    ThrottleInterval: THROTTLE_SECONDS,
    ExitTimeOut: EXIT_TIMEOUT_SECONDS,
    ProcessType: 'Interactive',
    LimitLoadToSessionType: 'Aqua',
    Umask: 0o077,
    SoftResourceLimits: { NumberOfFiles: MAX_OPEN_FILES },
    WorkingDirectory: folder,
    StandardOutPath: log,
    StandardErrorPath: log,
    ...(Object.keys(environment).length > 0 && { EnvironmentVariables: { ...environment } }),
  };
  return `${build(list)}\n`;
}

/** A text as it stands in a list. */
export function renderString(text: string): string {
  return /<string>[^]*<\/string>/.exec(build(text))?.[0] ?? '';
}
