import type { Command } from "commander";
import type { CommandParts } from "./command-parts.ts";

/** A command at the top, and where the rest of it is: it is loaded when it runs, or is asked about. */
export interface CommandEntry {
  readonly name: string;
  /** As the loaded command says it too; a test compares them. */
  readonly about: string;
  readonly add: (program: Command, parts: CommandParts) => Promise<void>;
}

const entry = <M>(
  name: string,
  about: string,
  load: () => Promise<M>,
  add: (module: M, program: Command, parts: CommandParts) => void,
): CommandEntry => ({ name, about, add: async (program, parts) => add(await load(), program, parts) });

/** Every command of `kept`, in the order of its help. */
export const COMMANDS: readonly CommandEntry[] = [
  entry(
    "serve",
    "run the server in the foreground until Ctrl+C",
    () => import("./serve-command.ts"),
    (m, program, parts) => m.addServeCommand(program, parts),
  ),
  entry(
    "stop",
    "ask the server to end",
    () => import("./server-commands.ts"),
    (m, program, parts) => m.addStopCommand(program, parts),
  ),
  entry(
    "status",
    "counts, the serving adapter and the active run",
    () => import("./server-commands.ts"),
    (m, program, parts) => m.addStatusCommand(program, parts),
  ),
  entry(
    "doctor",
    "check this installation and say what to do about what is wrong",
    () => import("./doctor-command.ts"),
    (m, program, parts) => m.addDoctorCommand(program, parts),
  ),
  entry(
    "train",
    "train every weight of a model, or an adapter",
    () => import("./train-commands.ts"),
    (m, program, parts) => m.addTrainCommands(program, parts),
  ),
  entry(
    "deploy",
    "serve a model's candidate if the gate lets it; exit code 4 when it refuses, 5 when there is none",
    () => import("../models/deploy-command.ts"),
    (m, program, parts) => m.addDeployCommand(program, parts),
  ),
  entry(
    "models",
    "model versions and what is served",
    () => import("./models-commands.ts"),
    (m, program, parts) => m.addModelsCommands(program, parts),
  ),
  entry(
    "canary",
    "candidates on trial, and whether what serves became worse",
    () => import("../canary/canary-command.ts"),
    (m, program, parts) => m.addCanaryCommands(program, parts),
  ),
  entry(
    "datasets",
    "dataset snapshots",
    () => import("../datasets/datasets-command.ts"),
    (m, program, parts) => m.addDatasetsCommands(program, parts),
  ),
  entry(
    "labels",
    "what the signals of a label are worth",
    () => import("../labels/labels-command.ts"),
    (m, program, parts) => m.addLabelsCommand(program, parts),
  ),
  entry(
    "suggestions",
    "what was suggested and what became of it",
    () => import("./list-commands.ts"),
    (m, program, parts) => m.addSuggestionsCommands(program, parts),
  ),
  entry(
    "why",
    "everything that led to a suggestion",
    () => import("./list-commands.ts"),
    (m, program, parts) => m.addWhyCommand(program, parts),
  ),
  entry(
    "dashboard",
    "print an address that opens the dashboard once, within a minute",
    () => import("./server-commands.ts"),
    (m, program, parts) => m.addDashboardCommand(program, parts),
  ),
  entry(
    "token",
    "the server's token, and the key of other editors",
    () => import("./server-commands.ts"),
    (m, program, parts) => m.addTokenCommands(program, parts),
  ),
  entry(
    "backup",
    "copies of everything that was learned, and back",
    () => import("../backup/backup-command.ts"),
    (m, program, { dataDir }) => m.addBackupCommand(program, dataDir),
  ),
  entry(
    "remote",
    "datasets, adapters and backups in an S3 bucket",
    () => import("../remote/remote-command.ts"),
    (m, program, parts) => m.addRemoteCommand(program, parts),
  ),
  entry(
    "hub",
    "adapters and datasets on a model hub",
    () => import("../hub/hub-command.ts"),
    (m, program, parts) => m.addHubCommand(program, parts),
  ),
  entry(
    "watch",
    "follow code that other tools report, without an editor: for terminal agents and CI",
    () => import("../watch/watch-command.ts"),
    (m, program, parts) => m.addWatchCommand(program, parts),
  ),
  entry(
    "survival",
    "how long accepted code lives: curves and half-life, beside code that people wrote",
    () => import("../survival/survival-command.ts"),
    (m, program, parts) => m.addSurvivalCommands(program, parts),
  ),
  entry(
    "import",
    "take in an archive, or what other tools recorded of code",
    () => import("./exchange-commands.ts"),
    (m, program, parts) => m.addImportGroup(program, parts),
  ),
  entry(
    "export",
    "write everything into an archive, or notes for other tools",
    () => import("./exchange-commands.ts"),
    (m, program, parts) => m.addExportCommands(program, parts),
  ),
  entry(
    "generation",
    "report code that another tool generated",
    () => import("../adoption/generation-command.ts"),
    (m, program, parts) => m.addGenerationCommands(program, parts),
  ),
  entry(
    "signal",
    "tell what tests, errors and measurements say of the code",
    () => import("../signals/signal-command.ts"),
    (m, program, parts) => m.addSignalCommands(program, parts),
  ),
  entry(
    "review",
    "take in what reviewers said of lines",
    () => import("../signals/signal-command.ts"),
    (m, program, parts) => m.addReviewCommands(program, parts),
  ),
  entry(
    "forget",
    "delete what was recorded, for good",
    () => import("../forget/forget-command.ts"),
    (m, program, parts) => m.addForgetCommand(program, parts),
  ),
  entry(
    "schedule",
    "when training starts by itself",
    () => import("../schedule/schedule-command.ts"),
    (m, program, parts) => m.addScheduleCommand(program, parts),
  ),
  entry(
    "retention",
    "how long what was recorded is kept, and what goes when",
    () => import("../retention/retention-command.ts"),
    (m, program, parts) => m.addRetentionCommand(program, parts),
  ),
  entry(
    "egress",
    "what may leave this machine, and what has",
    () => import("../egress/egress-command.ts"),
    (m, program, parts) => m.addEgressCommand(program, parts),
  ),
  entry(
    "registry",
    "model versions of other machines",
    () => import("./registry-commands.ts"),
    (m, program, parts) => m.addRegistryCommands(program, parts),
  ),
  entry(
    "mlflow",
    "log training runs and register versions in MLflow",
    () => import("../integrations/mlflow/mlflow-command.ts"),
    (m, program, parts) => m.addMlflowCommands(program, parts),
  ),
  entry(
    "label-studio",
    "ask people about suggestions in Label Studio",
    () => import("../integrations/label-studio/label-studio-command.ts"),
    (m, program, parts) => m.addLabelStudioCommands(program, parts),
  ),
  entry(
    "replay",
    "let a git history stand in for a developer: suggest, and compare with what was really written",
    () => import("../replay/replay-command.ts"),
    (m, program, parts) => m.addReplayCommand(program, parts),
  ),
  entry(
    "demo",
    "the whole loop over a git history, from suggestions to a promoted or refused adapter",
    () => import("../replay/demo/demo-command.ts"),
    (m, program, { setExit }) => m.addDemoCommand(program, setExit),
  ),
  entry(
    "completion",
    "print a script that completes kept's commands in a shell",
    () => import("./completion-command.ts"),
    (m, program, parts) => m.addCompletionCommand(program, parts),
  ),
];
