import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";

/** Every rule of axe that an open dialog breaks. */
export async function dialogFindings(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).include("dialog[open]").setLegacyMode(true).analyze();
  return violations.map(({ id }) => id);
}
