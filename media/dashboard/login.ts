import { loginResponse } from "../../protocol/api.ts";

const TOKEN_KEY = "kept.token";
/** Longest wait for the code's exchange, milliseconds: the server is on this machine. */
const LOGIN_DEADLINE_MS = 10_000;

export type Login =
  | { readonly ok: true; readonly token: string }
  | { readonly ok: false; readonly reason: LoginFailure };
export type LoginFailure = "no-code" | "code-refused" | "unreachable";

/**
 * Exchanges the one-time code of the address (`#code=…`) for the token and keeps the token for this
 * tab. The code leaves the address and its history entry before anything is sent.
 */
export async function login(): Promise<Login> {
  const code = takeCode();
  if (code === null) {
    const token = sessionStorage.getItem(TOKEN_KEY);
    return token === null ? { ok: false, reason: "no-code" } : { ok: true, token };
  }
  try {
    const response = await fetch("/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ code }),
      redirect: "error",
      signal: AbortSignal.timeout(LOGIN_DEADLINE_MS),
    });
    if (!response.ok) return { ok: false, reason: "code-refused" };
    const { token } = loginResponse.parse(await response.json());
    sessionStorage.setItem(TOKEN_KEY, token);
    return { ok: true, token };
  } catch {
    return { ok: false, reason: "unreachable" };
  }
}

/** Forgets the token of this tab, for example after the server refused it. */
export function logout(): void {
  sessionStorage.removeItem(TOKEN_KEY);
}

/** The server takes no code shorter than this. */
const MIN_CODE_CHARS = 16;

function takeCode(): string | null {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const code = fragment.get("code");
  if (code === null) return null;
  history.replaceState(null, "", location.pathname + location.search);
  return code.length >= MIN_CODE_CHARS ? code : null;
}
