import { canaryRoutes } from "./canary.ts";
import { annotationRoutes } from "./annotations.ts";
import { dashboardRoutes } from "./dashboard.ts";
import { completionRoutes } from "./completions.ts";
import { datasetContentsRoutes } from "./dataset-contents.ts";
import { datasetRoutes } from "./datasets.ts";
import { eventRoutes } from "./events.ts";
import { exampleRoutes } from "./examples.ts";
import { generationRoutes } from "./generations.ts";
import { forgetRoutes } from "./forget.ts";
import { healthRoutes } from "./health.ts";
import { labelStudioRoutes } from "./label-studio.ts";
import { loginRoutes } from "./login.ts";
import { importRoutes } from "./imports.ts";
import { metricRoutes } from "./metrics.ts";
import { modelRoutes } from "./models.ts";
import { openApiRoutes } from "./openapi.ts";
import { labelRoutes } from "./labels.ts";
import { overviewRoutes } from "./overview.ts";
import type { Route } from "./route.ts";
import { signalRoutes } from "./signals.ts";
import { statusRoutes } from "./status.ts";
import { streamRoutes } from "./stream.ts";
import { suggestionRoutes } from "./suggestions.ts";
import { trainingRoutes } from "./training.ts";

/** Every route of the server. */
export const ROUTES: readonly Route[] = [
  ...healthRoutes,
  ...loginRoutes,
  ...eventRoutes,
  ...generationRoutes,
  ...signalRoutes,
  ...annotationRoutes,
  ...suggestionRoutes,
  ...labelRoutes,
  ...datasetRoutes,
  ...importRoutes,
  ...datasetContentsRoutes,
  ...trainingRoutes,
  ...modelRoutes,
  ...completionRoutes,
  ...canaryRoutes,
  ...exampleRoutes,
  ...forgetRoutes,
  ...overviewRoutes,
  ...labelStudioRoutes,
  ...statusRoutes,
  ...metricRoutes,
  ...openApiRoutes,
  ...streamRoutes,
  ...dashboardRoutes,
];
