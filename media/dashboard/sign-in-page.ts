import { html, type TemplateResult } from "lit";
import type { LoginFailure } from "./login.ts";

/** Where a sign-in stands. */
export type Login = "pending" | "in" | "token-refused" | LoginFailure;

const SIGN_IN_TEXT: Readonly<Record<Exclude<Login, "in" | "pending">, readonly [string, string]>> = {
  "no-code": [
    "Open this page from Kept",
    "A one-time code signs you in. Choose “Kept: Open Dashboard” in VS Code, or run “npm run kept -- dashboard”.",
  ],
  "token-refused": [
    "This sign-in has ended",
    "The server started anew or its token was changed. Open the dashboard again from VS Code, or with “npm run kept -- dashboard”.",
  ],
  "code-refused": [
    "This code was not accepted",
    "A code works once and for one minute. Open the dashboard again from VS Code, or with “npm run kept -- dashboard”.",
  ],
  unreachable: [
    "The Kept server did not answer",
    "VS Code starts it by itself; without VS Code, run “npm run kept -- serve”. Then open the dashboard again.",
  ],
};

/** What stands in the place of the page until somebody has signed in. */
export function signInPage(login: Login): TemplateResult {
  if (login === "pending" || login === "in") return html`<main class="sign-in"><p class="quiet">Signing in…</p></main>`;
  const [title, text] = SIGN_IN_TEXT[login];
  return html`<main class="sign-in">
    ${logo}
    <h1>${title}</h1>
    <p>${text}</p>
  </main>`;
}

/** A loop that keeps a dot. */
export const logo = html`<svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
  <path d="M26 16a10 10 0 1 1-3-7.1" fill="none" stroke="currentColor" stroke-width="3.4" stroke-linecap="round" />
  <path
    d="M24.5 3.5v6.2h-6.2"
    fill="none"
    stroke="currentColor"
    stroke-width="3.4"
    stroke-linecap="round"
    stroke-linejoin="round"
  />
  <circle cx="16" cy="16" r="3.4" fill="currentColor" />
</svg>`;
