/** The login agent, which keeps Sotto's daemon running, independent of the service manager. */

/** Reverse DNS name, as launchd requires; also the name of the property list. */
export const LABEL = 'com.sotto.daemon';

/** Definition of a login agent. */
export interface AgentPlan {
  /** Name of the agent; tests install agents with other names. */
  readonly label: string;
  /** The user's home folder. */
  readonly user: string;
  /** Path of the launcher. macOS shows its file name under Login Items. */
  readonly launcher: string;
  /** Node programs to try, the preferred one first. */
  readonly nodes: readonly string[];
  /** The module that Node runs, and its arguments. */
  readonly command: readonly string[];
  /** Path of that module after an upgrade has replaced this version, if known. */
  readonly successor?: string;
  /** File for the agent's output before its own log is open. */
  readonly log: string;
  /** Working folder, which must exist as long as Sotto does. */
  readonly folder: string;
  /** Must not hold secrets: it is readable to everyone who may read the files. */
  readonly environment: Readonly<Record<string, string>>;
}

/** `outdated`: installed, but not by this version. */
export interface AgentStatus {
  readonly installed: 'no' | 'yes' | 'outdated';
  readonly state: 'not loaded' | 'running' | 'stopped';
  readonly pid?: number;
  /** Last exit as the service manager describes it, if it was a failure. */
  readonly lastFailure?: string;
  /** The file that the service manager reads. */
  readonly file: string;
}

/** Every operation is idempotent. @throws SottoError AGENT_FAILED with the system's message */
export interface AgentManager {
  /** Owner of the launcher in the service manager's file, of which each user has one. */
  owner(): 'none' | 'own' | 'other';
  /** Installs or updates the agent and starts it. @returns whether anything changed */
  install(): Promise<boolean>;
  /** Stops the agent and removes its files. @returns whether there was one */
  uninstall(): Promise<boolean>;
  /** @throws SottoError AGENT_FAILED also if it is not installed */
  start(): Promise<void>;
  /** Stops the agent until the next login or `start`. */
  stop(): Promise<void>;
  restart(): Promise<void>;
  status(): Promise<AgentStatus>;
}
