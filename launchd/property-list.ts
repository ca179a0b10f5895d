/** The property list of the LaunchAgent. README.md explains each key. */
import { build } from 'plist';
import type { AgentPlan } from './agent.js';

/** launchd's minimum time between two starts. */
const THROTTLE_SECONDS = 10;
/** The daemon gives a file in progress 5 s, and its engine 2 s. */
const EXIT_TIMEOUT_SECONDS = 20;
const MAX_OPEN_FILES = 4096;

/** Renders the XML of `~/Library/LaunchAgents/<label>.plist`. */
export function renderPropertyList(plan: AgentPlan): string {
  const { label, launcher, log, folder, environment } = plan;
  const list = {
    Label: label,
    ProgramArguments: [launcher],
    RunAtLoad: true,
    // Restarts after a failure only, so `sotto daemon stop` stops it.
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

/** Renders a string element of a property list. */
export function renderString(text: string): string {
  return /<string>[^]*<\/string>/.exec(build(text))?.[0] ?? '';
}
