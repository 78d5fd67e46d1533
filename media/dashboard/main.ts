import "./strict-csp.ts";
import uplotCss from "uplot/dist/uPlot.min.css";
import themeCss from "./theme.css";
import pageCss from "./page.css";
import controlsCss from "./controls.css";
import loopCss from "./loop.css";
import trainingCss from "./training.css";
import verdictCss from "./verdict.css";
import suggestionsCss from "./suggestions.css";
import overviewCss from "./overview.css";
import datasetsCss from "./datasets.css";
import samplesCss from "./samples.css";
import forcedColorsCss from "./forced-colors.css";
import printCss from "./print.css";
import { AnnotationQueuePanel } from "./annotation-queue.ts";
import { DatasetBrowser } from "./dataset-browser.ts";
import { DatasetExport } from "./dataset-export.ts";
import { DashboardPage } from "./dashboard-page.ts";
import { ForgetButton } from "./forget-button.ts";
import { ImportsPanel } from "./imports-panel.ts";
import { LabelWeights } from "./label-weights.ts";
import { LossChart } from "./loss-chart.ts";
import { OverviewPanel } from "./overview-panel.ts";
import { RunSamplesCard } from "./run-samples.ts";
import { SystemCard } from "./system-card.ts";
import { TrainingForm } from "./training-form.ts";
import { VersionsPanel } from "./versions-panel.ts";

document.adoptedStyleSheets = [
  uplotCss,
  themeCss,
  pageCss,
  controlsCss,
  loopCss,
  trainingCss,
  verdictCss,
  suggestionsCss,
  overviewCss,
  datasetsCss,
  samplesCss,
  forcedColorsCss,
  printCss,
].map((text) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return sheet;
});

customElements.define("kept-loss-chart", LossChart);
customElements.define("kept-training-form", TrainingForm);
customElements.define("kept-versions", VersionsPanel);
customElements.define("kept-annotations", AnnotationQueuePanel);
customElements.define("kept-dataset-browser", DatasetBrowser);
customElements.define("kept-dataset-export", DatasetExport);
customElements.define("kept-overview", OverviewPanel);
customElements.define("kept-label-weights", LabelWeights);
customElements.define("kept-forget", ForgetButton);
customElements.define("kept-run-samples", RunSamplesCard);
customElements.define("kept-imports", ImportsPanel);
customElements.define("kept-system", SystemCard);
customElements.define("kept-dashboard", DashboardPage);
