/** The login agent: what keeps Sotto's daemon running from login on, whichever service manager the system has. */

/** Reverse DNS, as launchd wants it; also the name of the property list. */
export const LABEL = 'com.sotto.daemon';

/** What an agent is made of. */
export interface AgentPlan {
  /** Names the agent; tests install others beside it. */
  readonly label: string;
  /** The user's home folder. */
  readonly user: string;
  /** Where the launcher lies. Its file name is what macOS shows under Login Items. */
  readonly launcher: string;
  /** Node programs to run it with, the likeliest first. */
  readonly nodes: readonly string[];
  /** The module that Node runs, and its arguments. */
  readonly command: readonly string[];
  /** Where that module lies once this version has given way to another one, if that is known. */
  readonly successor?: string;
  /** Where what the agent says before its own log is open goes. */
  readonly log: string;
  /** Working folder: one that is there as long as Sotto is. */
  readonly folder: string;
  /** No secrets: anybody who may read the files reads these. */
  readonly environment: Readonly<Record<string, string>>;
}

/** `outdated`: installed, but not as this version would install it. */
export interface AgentStatus {
  readonly installed: 'no' | 'yes' | 'outdated';
  readonly state: 'not loaded' | 'running' | 'stopped';
  readonly pid?: number;
  /** How it ended last, in the system's words, where that was no success. */
  readonly lastFailure?: string;
  /** The file that the service manager reads. */
  readonly file: string;
}

/** All of them do nothing where there is nothing to do. @throws SottoError AGENT_FAILED, with what the system said */
export interface AgentManager {
  /** Whose launcher the file names that the service manager reads: there is one such file for each user. */
  owner(): 'none' | 'own' | 'other';
  /** Installs or renews it, and has it running. @returns whether anything had to change */
  install(): Promise<boolean>;
  /** Ends it, and takes all of its files away. @returns whether there was one */
  uninstall(): Promise<boolean>;
  /** @throws also where it is not installed */
  start(): Promise<void>;
  /** Until the next login, or `start`. */
  stop(): Promise<void>;
  restart(): Promise<void>;
  status(): Promise<AgentStatus>;
}
