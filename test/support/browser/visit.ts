import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import type { KeptServer } from "./kept-server.ts";

/** Longest wait for something on the page, milliseconds: two busy cores. */
const PAGE_DEADLINE_MS = 15_000;

/** An open dashboard, with everything that should not happen on it. */
export interface Visit extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Console errors, uncaught errors, policy violations and requests that leave the server. */
  problems(): Promise<string[]>;
  /** Suggestion rows that are listed now. */
  rows(): Promise<number>;
}

export interface VisitOptions {
  readonly query?: string;
  /** Opened instead of an address that signs in. */
  readonly url?: string;
  readonly context?: BrowserContextOptions;
  /** Runs before the page is opened. */
  prepare?(page: Page): Promise<unknown>;
}

/** Opens the dashboard signed in and waits until it follows the server. */
export async function visit(browser: Browser, server: KeptServer, options: VisitOptions = {}): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    timezoneId: "UTC",
    ...options.context,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PAGE_DEADLINE_MS);
  const problems: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`uncaught: ${error.message}`));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(server.url) && !/^(data|blob):/.test(url)) problems.push(`request: ${url}`);
  });
  await page.addInitScript(() => {
    const seen: string[] = [];
    Object.assign(globalThis, { violations: seen });
    addEventListener("securitypolicyviolation", (event) =>
      seen.push(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`),
    );
  });
  await options.prepare?.(page);
  await page.goto(options.url ?? (await server.loginUrl(options.query)));
  if (options.url === undefined) await page.locator(".connection.live").waitFor();
  return {
    page,
    context,
    async problems() {
      const violations = await page.evaluate(() => (globalThis as unknown as { violations: string[] }).violations);
      return [...problems, ...violations];
    },
    rows: () => page.locator(".why-button").count(),
    [Symbol.asyncDispose]: () => context.close(),
  };
}

/** Waits until `selector` matches `count` elements. */
export async function waitForCount(page: Page, selector: string, count: number): Promise<void> {
  await page.waitForFunction(([query, wanted]) => document.querySelectorAll(query as string).length === wanted, [
    selector,
    count,
  ] as const);
}

/** Waits until the text of `selector` has `text` in it. */
export async function waitForText(page: Page, selector: string, text: string | RegExp): Promise<void> {
  await page.locator(selector).filter({ hasText: text }).first().waitFor();
}
