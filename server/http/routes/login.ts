import { loginCode, loginRequest, loginResponse, tokenRotation } from "../../../protocol/api.ts";
import { isoTime } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import { readJson } from "../body.ts";
import type { Route } from "./route.ts";

export const loginRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/login",
    about: "Exchanges a one-time code for the token.",
    body: loginRequest,
    answers: loginResponse,
    open: true,
    async handle(c, { loginCodes, token }) {
      const { code } = await readJson(c, loginRequest);
      const outcome = loginCodes.redeem(code);
      if (outcome === "too-many") throw new AppError("too-many", "Too many wrong codes; wait a minute.");
      if (outcome === "wrong") throw new AppError("unauthorized", "The code is wrong, used or too old.");
      return c.json({ token: token() });
    },
  },
  {
    method: "POST",
    path: "/v1/token",
    about: "Makes another token: the one before counts no more. It is in server.json, and in no answer.",
    answers: tokenRotation,
    handle(c, { rotateToken }) {
      rotateToken();
      return c.json({ rotated: true });
    },
  },
  {
    method: "POST",
    path: "/v1/login-codes",
    about: "Makes a code for `POST /login`, good once and for 60 seconds.",
    answers: loginCode,
    status: 201,
    handle(c, { loginCodes }) {
      const { code, expiresAtMs } = loginCodes.mint();
      return c.json({ code, expiresAt: isoTime(expiresAtMs) }, 201);
    },
  },
];
